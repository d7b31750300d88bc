// Alerts across licenses, newest first.

import { STATUSES, type Alert, type Connection, type Named, type Status } from '../model';
import { ALERTS } from '../queries';
import { Choice } from './licenses';
import { LicenseLink, Pages, Problem, StatusMark, useAnswer, useAround, usePages } from './parts';

export function Alerts() {
  const { text, route } = useAround();
  const open = route.get('open') !== 'no';
  const status = STATUSES.find((one) => one === route.get('status')) ?? null;
  const pages = usePages(`${open} ${status}`);
  const { data, failure, again } = useAnswer<{ alerts: Connection<Alert & { license: Named }> }>(ALERTS, {
    open: open ? true : null,
    status: status ? [status] : null,
    after: pages.after,
  });
  const found = data?.alerts;
  return (
    <section aria-label={text.views.alerts}>
      <div class="filters">
        <label class="check">
          <input type="checkbox" checked={open} onChange={(event) => route.go({ open: event.currentTarget.checked ? null : 'no' })} />
          {text.onlyOpen}
        </label>
        <Choice label={text.statusFilter} value={status ?? ''} change={(value) => route.go({ status: value || null })}
          options={[['', text.all], ...STATUSES.map((one): [string, string] => [one, text.status[one as Status]])]} />
      </div>
      {failure && <Problem failure={failure} again={again} />}
      {found?.edges.length === 0 && <p class="card">{text.noAlerts}</p>}
      {found && found.edges.length > 0 && (
        <ul class="card list">
          {found.edges.map(({ node }) => (
            <li key={node.id} data-alert={node.id}>
              <LicenseLink license={node.license} />
              <AlertWords alert={node} />
            </li>
          ))}
        </ul>
      )}
      {found && <Pages pages={pages} info={found.pageInfo} />}
    </section>
  );
}

export function AlertWords({ alert }: { alert: Alert }) {
  const { text, formats } = useAround();
  const { number, time } = formats;
  return (
    <div>
      <p>
        <StatusMark status={alert.status} /> <strong>{alert.meter?.title ?? text.goneMeter}</strong>{' '}
        {text.alert(formats.percent(alert.ratio), number(alert.used), number(alert.limit), alert.meter?.unit ?? '')}
      </p>
      <p class="quiet">
        {text.found(time(alert.foundAt))}
        {alert.recoveredAt && ` · ${text.recovered(time(alert.recoveredAt))}`}
        {` · ${alert.notifiedAt ? text.notified(time(alert.notifiedAt)) : text.nobody}`}
      </p>
    </div>
  );
}
