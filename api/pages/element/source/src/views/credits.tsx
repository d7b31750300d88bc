// The credits of a license: what was granted and what is left of it, and the form to ask for more.

import type { CreditRequest, Grant, Reading } from '../model';
import { bounded, failureOf, LeftOut, View, type Around } from './context';
import { explainWithTrace } from './problem';

interface Props {
  license: string;
  readings: Reading[];
  grants: Grant[];
  requests: CreditRequest[];
  /** Whether the person may ask for credits. */
  canRequest: boolean;
  onSent: () => void;
}

export function Credits({ license, readings, grants, requests, canRequest, onSent }: Props, { formats, text }: Around) {
  return (
    <section class="card" part="card credits">
      <header>
        <h2>{text.credits}</h2>
      </header>
      {grants.length > 0 && readings.map(({ meter, remaining }) => (
        <p class="headline">
          {text.left(formats.amount(remaining ?? 0, meter.unitForms))}
        </p>
      ))}
      <Grants grants={grants} />
      {canRequest && <RequestForm license={license} readings={readings} onSent={onSent} />}
      {requests.length > 0 && (
        <>
          <h4>{text.requests}</h4>
          <ul class="plain">
            {requests.map(({ amount, note, requestedAt, closedAt, declinedBecause }) => (
              <li>
                <strong>{formats.number(amount)}</strong> · {formats.date(requestedAt)} ·{' '}
                {declinedBecause ? text.requestDeclined(declinedBecause) : closedAt ? text.requestGranted : text.requestOpen}
                {note && <span class="quiet"> · {note}</span>}
              </li>
            ))}
          </ul>
        </>
      )}
    </section>
  );
}

function Grants({ grants }: { grants: Grant[] }, { formats, text, printing }: Around) {
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
          {bounded(grants, printing).map(({ amount, remaining, entity, grantedAt, expiresAt }) => {
            const over = expiresAt !== null && new Date(expiresAt) <= now;
            const soon = !over && expiresAt !== null && remaining > 0 && formats.daysUntil(expiresAt) <= 30;
            return (
              <tr class={over ? 'quiet' : ''}>
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
      <LeftOut list={grants} />
    </div>
  );
}

interface Sending {
  answer?: string;
  refused?: boolean;
  busy?: boolean;
}

class RequestForm extends View<Pick<Props, 'license' | 'readings' | 'onSent'>, Sending> {
  #send = async (event: Event) => {
    const { store, text } = this.context;
    const { license, readings, onSent } = this.props;
    event.preventDefault();
    const form = event.currentTarget as HTMLFormElement;
    const fields = new FormData(form);
    const amount = Number(fields.get('amount'));
    if (!(amount >= 1)) return this.setState({ answer: text.atLeastOne, refused: true });
    this.setState({ busy: true });
    try {
      const meter = String(fields.get('meter') ?? readings[0]!.meter.key);
      await store.requestCredits({ license, meter, amount, note: String(fields.get('note')).trim() || null });
    } catch (error) {
      return this.setState({ answer: explainWithTrace(failureOf(error), text), refused: true, busy: false });
    }
    this.setState({ answer: text.sent, refused: false, busy: false });
    form.reset();
    onSent();
  };

  render() {
    const { text } = this.context;
    const { readings } = this.props;
    const { answer, refused, busy } = this.state;
    return (
      <form onSubmit={this.#send} noValidate>
        <h4>{text.request}</h4>
        <div class="fields">
          {readings.length > 1 && (
            <label class="wide">
              {text.credits}
              <select name="meter">
                {readings.map(({ meter }) => (
                  <option value={meter.key}>{meter.title}</option>
                ))}
              </select>
            </label>
          )}
          <label>
            {text.requestAmount}
            <input name="amount" type="number" min="1" step="1" />
          </label>
          <label class="wide">
            {text.requestNote}
            <input name="note" maxLength={500} />
          </label>
          <button class="button" part="button" disabled={busy}>
            {text.send}
          </button>
        </div>
        <p role="status" class={refused ? 'over' : ''}>
          {answer}
        </p>
      </form>
    );
  }
}
