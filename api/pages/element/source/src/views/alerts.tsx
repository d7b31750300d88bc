// The latest alerts: which threshold was crossed, when, and whether that is over.

import type { Alert } from '../model';
import { useAround, useText } from './context';
import { StatusMark } from './status';

export function Alerts({ alerts }: { alerts: Alert[] }) {
  const { formats } = useAround();
  const text = useText();
  return (
    <section class="card" part="card alerts" aria-labelledby="alerts">
      <header>
        <h2 id="alerts">{text.alerts}</h2>
      </header>
      {alerts.length ? (
        <ul class="plain alerts">
          {alerts.map(({ id, meter, ratio, used, limit, status, crossedAt, recoveredAt }) => (
            <li key={id} class={recoveredAt ? 'quiet' : ''}>
              <StatusMark status={status} /> <strong>{meter?.title ?? text.goneMeter}</strong>{' '}
              {text.alert(formats.percent(ratio), formats.number(used), formats.number(limit), meter?.unit ?? '')}
              <span class="quiet">
                {' '}
                {formats.date(crossedAt)}
                {recoveredAt && `, ${text.recovered(formats.date(recoveredAt))}`}
              </span>
            </li>
          ))}
        </ul>
      ) : (
        <p class="quiet">{text.noAlerts}</p>
      )}
    </section>
  );
}
