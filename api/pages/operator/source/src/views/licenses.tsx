// The list of licenses: counts by status, search, filters, orders, pages. The address holds all but the page.

import { useEffect, useState } from 'preact/hooks';
import { FRESHNESS, ORDERS, STATUSES, type LicensePage, type Listed, type Status } from '../model';
import { LICENSES } from '../queries';
import { LicenseLink, Pages, Problem, StatusMark, tone, useAnswer, useAround, usePages } from './parts';

const PAGE_SIZE = 25;
const TYPING = 300;

export function Licenses() {
  const { text, formats, route, meters } = useAround();
  const status = route.all('status').filter((one): one is Status => STATUSES.includes(one as Status));
  const filters = {
    status: status.length ? status : null,
    search: route.get('search'),
    freshness: FRESHNESS.find((one) => one === route.get('freshness')) ?? null,
    meter: meters.has(route.get('meter') ?? '') ? route.get('meter') : null,
    orderBy: ORDERS.find((one) => one === route.get('order')) ?? 'WORST_FIRST',
  };
  const pages = usePages(JSON.stringify(filters));
  const { data, failure, again } = useAnswer<{ licenses: LicensePage }>(LICENSES, { ...filters, first: PAGE_SIZE, after: pages.after });
  const found = data?.licenses;
  const set = (name: string, value: string | null) => route.go({ view: null, [name]: value }, { replace: name === 'search' });
  const toggle = (one: Status) =>
    set('status', (status.includes(one) ? status.filter((other) => other !== one) : [...status, one]).join(',') || null);
  return (
    <section aria-label={text.views.licenses}>
      <div class="tiles" role="group" aria-label={text.statusFilter}>
        {STATUSES.map((one) => (
          <button key={one} class={`tile ${tone(one)}`} aria-pressed={status.includes(one)} onClick={() => toggle(one)}>
            <strong>{formats.number(found?.byStatus.find((each) => each.status === one)?.count ?? 0)}</strong>
            <StatusMark status={one} />
          </button>
        ))}
      </div>
      <div class="filters">
        <Search value={filters.search ?? ''} change={(value) => set('search', value || null)} />
        <Choice label={text.freshnessLabel} value={filters.freshness ?? ''} change={(value) => set('freshness', value || null)}
          options={[['', text.all], ...FRESHNESS.map((one): [string, string] => [one, text.freshness[one]])]} />
        <Choice label={text.meterLabel} value={filters.meter ?? ''} change={(value) => set('meter', value || null)}
          options={[['', text.all], ...[...meters.values()].map((one): [string, string] => [one.key, one.title])]} />
        <Choice label={text.orderLabel} value={filters.orderBy} change={(value) => set('order', value === 'WORST_FIRST' ? null : value)}
          options={ORDERS.map((one): [string, string] => [one, text.order[one]])} />
      </div>
      {failure && <Problem failure={failure} again={again} />}
      {found && (
        <>
          <p class="quiet" role="status">
            {text.total(formats.number(found.totalCount), found.totalCount === 1)}
            {filters.meter && ` · ${text.ofMeter(meters.get(filters.meter)!.title)}`}
          </p>
          {found.edges.length === 0 && <p class="card">{text.none}</p>}
          <ul class="card list licenses">
            {found.edges.map(({ node }) => (
              <Row key={node.key} license={node} />
            ))}
          </ul>
          <Pages pages={pages} info={found.pageInfo} />
        </>
      )}
    </section>
  );
}

function Row({ license }: { license: Listed }) {
  const { text, formats } = useAround();
  const { status, utilization, freshness, updatedAt } = license.consumption;
  return (
    <li data-license={license.key}>
      <div class="who">
        <LicenseLink license={license} />
        {license.state !== 'ACTIVE' && <span class="badge">{license.state === 'SUSPENDED' ? text.suspended : text.noContract}</span>}
      </div>
      <StatusMark status={status} />
      <div class="full">
        {utilization === null ? (
          <span class="quiet">{text.noLimit}</span>
        ) : (
          <>
            <div class={`bar ${tone(status)}`} aria-hidden="true">
              <div style={{ width: `${Math.min(100, 100 * utilization)}%` }} />
            </div>
            <span>
              <span class="hidden">{text.utilization} </span>
              {formats.percent(utilization)}
            </span>
          </>
        )}
      </div>
      <div class={freshness === 'STALE' ? 'stale' : 'quiet'}>
        {freshness !== 'FRESH' && <strong>{text.freshness[freshness]} </strong>}
        {updatedAt && freshness !== 'NEVER' && text.updated(formats.time(updatedAt))}
      </div>
    </li>
  );
}

/** The search waits until the typing rests, so that not each letter is asked for. */
function Search({ value, change }: { value: string; change: (value: string) => void }) {
  const { text } = useAround();
  const [typed, setTyped] = useState(value);
  useEffect(() => setTyped(value), [value]);
  useEffect(() => {
    if (typed === value) return;
    const timer = setTimeout(() => change(typed), TYPING);
    return () => clearTimeout(timer);
  }, [typed]);
  return (
    <label class="wide">
      {text.search}
      <input type="search" value={typed} maxLength={200} onInput={(event) => setTyped(event.currentTarget.value)} />
    </label>
  );
}

export function Choice({ label, value, options, change }: { label: string; value: string; options: [string, string][]; change: (value: string) => void }) {
  return (
    <label>
      {label}
      <select value={value} onChange={(event) => change(event.currentTarget.value)}>
        {options.map(([key, title]) => (
          <option key={key} value={key} selected={key === value}>
            {title}
          </option>
        ))}
      </select>
    </label>
  );
}
