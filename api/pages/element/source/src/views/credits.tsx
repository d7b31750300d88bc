// The credits of a license: what was granted and what is left of it, and the form to ask for more.

import { useState } from 'preact/hooks';
import type { CreditRequest, Grant, Reading } from '../model';
import { failureOf, useAround, useText } from './context';

interface Props {
  license: string;
  readings: Reading[];
  grants: Grant[];
  requests: CreditRequest[];
  onSent: () => void;
}

export function Credits({ license, readings, grants, requests, onSent }: Props) {
  const { formats } = useAround();
  const text = useText();
  return (
    <section class="card" part="card credits" aria-labelledby="credits">
      <header>
        <h2 id="credits">{text.credits}</h2>
      </header>
      {readings.map(({ meter, remaining }) => (
        <p key={meter.key} class="headline">
          {text.creditsLeft(formats.number(remaining ?? 0), meter.unit)}
        </p>
      ))}
      <Grants grants={grants} />
      <RequestForm license={license} onSent={onSent} />
      {requests.length > 0 && (
        <>
          <h4>{text.requests}</h4>
          <ul class="plain">
            {requests.map(({ id, amount, note, requestedAt, closedAt }) => (
              <li key={id}>
                <strong>{formats.number(amount)}</strong> · {formats.date(requestedAt)} ·{' '}
                {closedAt ? text.requestClosed : text.requestOpen}
                {note && <span class="quiet"> · {note}</span>}
              </li>
            ))}
          </ul>
        </>
      )}
    </section>
  );
}

function Grants({ grants }: { grants: Grant[] }) {
  const { formats } = useAround();
  const text = useText();
  const now = new Date();
  const forEntities = grants.some(({ entity }) => entity);
  if (!grants.length) return <p class="quiet">{text.noGrants}</p>;
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label={text.grants}>
      <table>
        <caption>{text.grants}</caption>
        <thead>
          <tr>
            <th scope="col">{text.grantedOn}</th>
            {forEntities && <th scope="col">{text.entity}</th>}
            <th scope="col" class="number">{text.amount}</th>
            <th scope="col" class="number">{text.remaining}</th>
            <th scope="col">{text.expires}</th>
          </tr>
        </thead>
        <tbody>
          {grants.map(({ key, amount, remaining, entity, grantedAt, expiresAt }) => {
            const over = expiresAt !== null && new Date(expiresAt) <= now;
            const soon = !over && expiresAt !== null && remaining > 0 && formats.days(now, expiresAt) <= 30;
            return (
              <tr key={key} class={over ? 'quiet' : ''}>
                <th scope="row">{formats.date(grantedAt)}</th>
                {forEntities && <td>{entity ?? text.wholeLicense}</td>}
                <td class="number">{formats.number(amount)}</td>
                <td class="number">{formats.number(remaining)}</td>
                <td class={soon ? 'risk' : ''}>
                  {expiresAt ? formats.date(expiresAt) : text.never}
                  {over && ` (${text.expired})`}
                </td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}

function RequestForm({ license, onSent }: { license: string; onSent: () => void }) {
  const { store } = useAround();
  const text = useText();
  const [answer, setAnswer] = useState<{ ok: boolean; words: string } | null>(null);
  const [busy, setBusy] = useState(false);
  const send = async (event: Event) => {
    event.preventDefault();
    const form = event.currentTarget as HTMLFormElement;
    const fields = new FormData(form);
    const amount = Number(fields.get('amount'));
    if (!(amount >= 1)) return setAnswer({ ok: false, words: text.atLeastOne });
    setBusy(true);
    try {
      const refusal = await store.requestCredits(license, amount, String(fields.get('note')).trim());
      setAnswer(refusal ? { ok: false, words: refusal } : { ok: true, words: text.sent });
      if (!refusal) {
        form.reset();
        onSent();
      }
    } catch (error) {
      setAnswer({ ok: false, words: failureOf(error).message });
    } finally {
      setBusy(false);
    }
  };
  return (
    <form onSubmit={send} noValidate>
      <h4>{text.request}</h4>
      <div class="fields">
        <label>
          {text.requestAmount}
          <input name="amount" type="number" min="1" step="1" inputMode="numeric" required />
        </label>
        <label class="wide">
          {text.requestNote}
          <input name="note" maxLength={500} autocomplete="off" />
        </label>
        <button type="submit" class="button" part="button" disabled={busy}>
          {text.send}
        </button>
      </div>
      <p role="status" class={answer?.ok === false ? 'over' : ''}>
        {answer?.words}
      </p>
    </form>
  );
}
