// The latest alerts: which threshold was crossed, when, and whether that is over.

import type { Alert } from '../model';
import { bounded, LeftOut, type Around } from './context';
import { StatusMark } from './status';

export function Alerts({ alerts }: { alerts: Alert[] }, { formats, text, printing }: Around) {
  const { date, number, percent, amount } = formats;
  return (
    <section class="card" part="card alerts">
      <header>
        <h2>{text.alerts}</h2>
      </header>
      {!alerts.length && <p class="quiet">{text.noAlerts}</p>}
      <ul class="plain alerts">
        {bounded(alerts, printing).map(({ meter, ratio, used, limit, status, crossedAt, recoveredAt }) => (
          <li>
            <p class="line">
              <strong>{meter?.title ?? text.goneMeter}</strong> <StatusMark status={status} />
              <span class="figure quiet">
                {date(crossedAt)}
                {recoveredAt && `, ${text.recovered(date(recoveredAt))}`}
              </span>
            </p>
            <p class="quiet">{text.alert(percent(ratio), number(used, meter?.unitForms), amount(limit, meter?.unitForms))}</p>
          </li>
        ))}
      </ul>
      <LeftOut list={alerts} />
    </section>
  );
}
