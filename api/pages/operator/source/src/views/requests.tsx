// Requests for credits, and the form that answers one: with a grant, or with a reason for declining.

import { useState } from 'preact/hooks';
import { ask } from '../api';
import type { Connection, Failure, Named, Request } from '../model';
import { DECLINE, GRANT, REQUESTS } from '../queries';
import { failureOf, LicenseLink, Pages, Problem, Reason, useAnswer, useAround, usePages } from './parts';

type Open = Request & { license: Named };

export function Requests({ said }: { said: (words: string) => void }) {
  const { text } = useAround();
  const pages = usePages('requests');
  const { data, failure, again } = useAnswer<{ openCreditRequests: Connection<Open> }>(REQUESTS, { after: pages.after });
  const found = data?.openCreditRequests;
  return (
    <section aria-label={text.views.requests}>
      {failure && <Problem failure={failure} again={again} />}
      <MayNotAnswer />
      {found?.edges.length === 0 && <p class="card">{text.noRequests}</p>}
      {found?.edges.map(({ node }) => (
        <article key={node.id} class="card" data-request={node.id}>
          <h2>
            <LicenseLink license={node.license} />
          </h2>
          <Ask request={node} license={node.license.key} answered={(words) => (said(words), again())} />
        </article>
      ))}
      {found && <Pages pages={pages} info={found.pageInfo} />}
    </section>
  );
}

export function MayNotAnswer() {
  const { text, mayAnswer } = useAround();
  return mayAnswer ? null : <p class="quiet">{text.mayNotAnswer}</p>;
}

/** A request in words, with its answer or the form for it. */
export function Ask({ request, license, answered }: { request: Request; license: string; answered: (words: string) => void }) {
  const { text, formats, meters, mayAnswer } = useAround();
  return (
    <>
      <p>
        <strong>{text.asks(formats.number(request.amount), meters.get(request.meter)?.title ?? request.meter)}</strong>
        {request.entity && ` · ${text.forEntity(request.entity)}`}
        {request.note && ` · ${text.note(request.note)}`}
      </p>
      <p class="quiet">{text.asked(formats.time(request.requestedAt), request.requestedBy)}</p>
      {request.closedAt && (
        <p class="quiet">
          {formats.time(request.closedAt)} · {request.closedBy ? text.grantedBy(request.closedBy.key) : text.declined(request.declinedBecause ?? '')}
        </p>
      )}
      {!request.closedAt && mayAnswer && <Answers request={request} license={license} answered={answered} />}
    </>
  );
}

function Answers({ request, license, answered }: { request: Request; license: string; answered: (words: string) => void }) {
  const { text, formats } = useAround();
  const [failure, setFailure] = useState<Failure | null>(null);
  const [busy, setBusy] = useState(false);
  async function send(query: string, input: object, words: string) {
    setBusy(true);
    setFailure(null);
    try {
      const [result] = Object.values(await ask<Record<string, { errors: Omit<Failure, 'trace'>[] }>>(formats.language, query, { input }));
      const refused = result!.errors[0];
      if (refused) setFailure({ ...refused, trace: null });
      else answered(words);
    } catch (error) {
      setFailure(failureOf(error));
    } finally {
      setBusy(false);
    }
  }
  const on = (submit: (fields: FormData) => void) => (event: SubmitEvent) => {
    event.preventDefault();
    submit(new FormData(event.currentTarget as HTMLFormElement));
  };
  return (
    <div class="answers">
      <form
        onSubmit={on((fields) => {
          const day = String(fields.get('expires'));
          const input = {
            // Made from the id of the request, so that a second click grants nothing more.
            id: `request-${request.id.slice(-16)}`, license, request: request.id, meter: request.meter, entity: request.entity,
            amount: Number(fields.get('amount')), ...(day ? { expiresAt: `${day}T00:00:00Z` } : {}),
          };
          void send(GRANT, input, text.doneGrant);
        })}
      >
        <label>
          {text.amount}
          <input name="amount" type="number" min="0" step="any" required defaultValue={String(request.amount)} />
        </label>
        <label>
          {text.expiresOn}
          <input name="expires" type="date" />
        </label>
        <button class="button strong" disabled={busy}>
          {text.grant}
        </button>
      </form>
      <form onSubmit={on((fields) => void send(DECLINE, { license, request: request.id, reason: String(fields.get('reason')).trim() }, text.doneDecline))}>
        <label class="wide">
          {text.reason}
          <input name="reason" required maxLength={500} pattern=".*\S.*" />
        </label>
        <button class="button" disabled={busy}>
          {text.decline}
        </button>
      </form>
      {failure && (
        <div class="wrong" role="alert">
          <Reason failure={failure} />
        </div>
      )}
    </div>
  );
}
