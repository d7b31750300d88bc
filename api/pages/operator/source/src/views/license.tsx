// One license: its requests, contract versions, grants and alerts, and the page as its people see it.

import { useEffect, useRef } from 'preact/hooks';
import { token } from '../api';
import type { Contract, Grant, License as LicenseData } from '../model';
import { LICENSE } from '../queries';
import { AlertWords } from './alerts';
import { Link, Problem, StatusMark, Table, useAnswer, useAround } from './parts';
import { Ask, MayNotAnswer } from './requests';

export function License({ licenseKey, said }: { licenseKey: string; said: (words: string) => void }) {
  const { text } = useAround();
  const { data, failure, again } = useAnswer<{ license: LicenseData | null }>(LICENSE, { key: licenseKey });
  const license = data?.license;
  const requests = license?.creditRequests.edges.map(({ node }) => node) ?? [];
  const open = requests.filter(({ closedAt }) => !closedAt);
  const closed = requests.filter(({ closedAt }) => closedAt);
  const alerts = license?.alerts.edges ?? [];
  const answered = (words: string) => (said(words), again());
  return (
    <section>
      <p>
        <Link to={{}}>← {text.back}</Link>
      </p>
      {failure && <Problem failure={failure} again={again} />}
      {!license && !failure && <p class="quiet">{text.loading}</p>}
      {license && license.key === licenseKey && (
        <>
          <h2 class="headline">
            {license.name} <span class="quiet">{license.key}</span> <StatusMark status={license.consumption.status} />
          </h2>
          {license.suspended && <p class="card wrong">{text.suspendedBecause(license.suspended.message)}</p>}
          {open.length > 0 && (
            <div class="card">
              <h3>{text.toAnswer}</h3>
              <MayNotAnswer />
              {open.map((request) => (
                <div key={request.id} class="part" data-request={request.id}>
                  <Ask request={request} license={license.key} answered={answered} />
                </div>
              ))}
            </div>
          )}
          <Details title={text.contracts} count={license.contracts.length}>
            <Contracts license={license} />
          </Details>
          <Details title={text.grants} count={license.grants.edges.length}>
            <Grants grants={license.grants.edges.map(({ node }) => node)} />
          </Details>
          {closed.length > 0 && (
            <Details title={text.answered} count={closed.length}>
              {closed.map((request) => (
                <div key={request.id} class="part">
                  <Ask request={request} license={license.key} answered={answered} />
                </div>
              ))}
            </Details>
          )}
          <Details title={text.views.alerts} count={alerts.length}>
            {alerts.length === 0 && <p>{text.noAlerts}</p>}
            {alerts.map(({ node }) => (
              <div key={node.id} class="part">
                <AlertWords alert={node} />
              </div>
            ))}
          </Details>
          <h3 class="people">{text.people}</h3>
          <People license={license.key} />
        </>
      )}
    </section>
  );
}

function Details({ title, count, children }: { title: string; count: number; children: preact.ComponentChildren }) {
  const { formats } = useAround();
  return (
    <details class="card">
      <summary>
        {title} <span class="badge">{formats.number(count)}</span>
      </summary>
      {children}
    </details>
  );
}

const UNITS: Record<string, string> = { Y: 'year', M: 'month', W: 'week', D: 'day' };

/** An ISO 8601 duration in words: P1Y is “1 year”. */
const durationIn = (language: string, duration: string) =>
  [...duration.matchAll(/(\d+)([YMWD])/g)]
    .map(([, count, unit]) => new Intl.NumberFormat(language, { style: 'unit', unit: UNITS[unit!]!, unitDisplay: 'long' }).format(Number(count)))
    .join(' ');

function Contracts({ license }: { license: LicenseData }) {
  const { text, formats } = useAround();
  if (license.contracts.length === 0) return <p>{text.noContracts}</p>;
  const day = (date: string | null) => (date ? formats.date(`${date}T12:00:00Z`) : text.open);
  const terms = ({ terms }: Contract) => terms.map(({ key, value }) => `${key} ${formats.number(value)}`).join(', ');
  return (
    <Table
      caption={text.contracts}
      heads={[text.version, text.from, text.until, text.period, text.terms]}
      rows={license.contracts.map((one) => [
        <>
          {one.version} {one.version === license.contract?.version && <span class="badge">{text.inForce}</span>}
        </>,
        day(one.effectiveFrom),
        day(one.endsOn),
        durationIn(formats.language, one.billingPeriod),
        terms(one),
      ])}
    />
  );
}

function Grants({ grants }: { grants: Grant[] }) {
  const { text, formats, meters } = useAround();
  if (grants.length === 0) return <p>{text.noGrants}</p>;
  return (
    <Table
      caption={text.grants}
      heads={[text.grantKey, text.amount, text.left, text.entity, text.granted, text.expires, text.voided]}
      rows={grants.map((one) => [
        <>
          {one.key} <span class="quiet">{meters.get(one.meter)?.title ?? one.meter}</span>
        </>,
        formats.number(one.amount),
        formats.number(one.remaining),
        one.entity ?? text.everyone,
        formats.date(one.grantedAt),
        one.expiresAt ? formats.date(one.expiresAt) : text.never,
        one.voidedAt ? formats.date(one.voidedAt) : '',
      ])}
    />
  );
}

/** The element of the page My consumption, which is loaded when the first license is opened. */
function People({ license }: { license: string }) {
  const { formats, theme } = useAround();
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const element = document.createElement('allowance-consumption') as HTMLElement & { getToken: () => string | null };
    element.setAttribute('endpoint', '/graphql');
    element.setAttribute('license', license);
    element.setAttribute('lang', formats.language);
    if (theme !== 'auto') element.setAttribute('theme', theme);
    element.getToken = token;
    // The file has a name that does not change, and is no part of this bundle.
    const file = '/elements/allowance.js';
    void import(/* @vite-ignore */ file).then(() => place.current?.replaceChildren(element));
  }, [license, formats, theme]);
  return <div ref={place} class="people" />;
}
