// The whole of “My consumption”.

import { useEffect, useState } from 'preact/hooks';
import { isFailure, type Overview, type Section, type Status } from '../model';
import type { State } from '../store';
import { Alerts } from './alerts';
import { failureOf, useAnswer, useAround, useText } from './context';
import { Credits } from './credits';
import { Halo } from './halo';
import { Notices } from './notices';
import { PeriodBar } from './period';
import { SectionCard } from './section';
import { Failed, Loading, rememberShape, splitEvenly } from './states';
import { StatusMark } from './status';
import { Tiles } from './tiles';

export function Full({ state, sections }: { state: State; sections: string[] | null }) {
  const { store, formats } = useAround();
  const [place, setPlace] = useState<number | null>(null);
  const [sent, setSent] = useState(0);
  const current = state.overview!;
  const { license, version } = current;
  const around = useAnswer(() => store.surroundings(license.key), [store, license.key, version, sent]);
  const known = around && !isFailure(around) ? around : null;
  const periods = known?.periods ?? [];
  const shown = place ?? periods.length - 1;
  const period = periods[shown];
  // The last instant of a past period.
  const at = period && !period.current ? new Date(Date.parse(period.end) - 1).toISOString() : null;
  const past = useAnswer(() => (at ? store.past(at) : Promise.resolve(null)), [store, at, at ? version : 0]);
  const histories = useAnswer(() => store.months(at), [store, at, version]);
  const overview = at ? (past && !isFailure(past) ? past : null) : current;
  useEffect(() => rememberShape(store.license, current.sections.map(({ readings }) => readings.length)), [version]);
  return (
    <>
      <Header overview={current} state={state} />
      {state.awaySince && (
        <p class="away" role="status">
          {formats.text.away(formats.time(state.awaySince.toISOString()))}
        </p>
      )}
      {license.suspended && <p class="away">{formats.text.suspended(license.suspended.message)}</p>}
      {license.state === 'NO_CONTRACT' && <p class="away">{formats.text.noContract}</p>}
      <PeriodBar periods={periods} shown={shown} onShow={(next) => setPlace(next === periods.length - 1 ? null : next)} />
      {isFailure(past) && <Failed failure={past} />}
      {!overview && !isFailure(past) && <Loading license={store.license} />}
      {overview && (
        <Body
          overview={overview}
          sections={sections}
          past={at !== null}
          histories={histories && !isFailure(histories) ? histories : null}
          surroundings={known}
          onSent={() => setSent(sent + 1)}
        />
      )}
    </>
  );
}

function Header({ overview, state }: { overview: Overview; state: State }) {
  const { store } = useAround();
  const text = useText();
  const [said, say] = useState('');
  const refresh = async () => {
    say(text.refreshing);
    try {
      await store.refresh();
      say(text.refreshed);
    } catch (error) {
      say(failureOf(error).message);
    }
  };
  return (
    <header class="top" part="header">
      <div class="name">
        <h1>{text.title}</h1>
        <p>
          {overview.license.name} <StatusMark status={overview.status} />
        </p>
      </div>
      <div class="tools">
        {!state.awaySince && (
          <span class={`live ${state.live ? 'on' : ''}`}>
            {state.live ? text.live : text.polling}
          </span>
        )}
        <button class="button" part="button" onClick={refresh}>
          {text.refresh}
        </button>
        <button class="button" part="button" onClick={() => download(overview)}>
          {text.download}
        </button>
        <slot name="toolbar" />
        <Halo overview={overview} />
      </div>
      <p role="status" class="said">
        {said}
      </p>
    </header>
  );
}

interface BodyProps {
  overview: Overview;
  sections: string[] | null;
  past: boolean;
  histories: import('../model').Histories | null;
  surroundings: import('../model').Surroundings | null;
  onSent: () => void;
}

function Body({ overview, sections, past, histories, surroundings, onSent }: BodyProps) {
  const text = useText();
  const [chosen, choose] = useState<Status | null>(null);
  const wanted = overview.sections
    .filter(({ key }) => !sections || sections.includes(key))
    .map((section) => (chosen ? only(section, chosen) : section))
    .filter(({ readings }) => readings.length > 0);
  const credits = overview.sections.flatMap(({ readings }) => readings.filter(({ meter }) => meter.kind === 'CREDITS'));
  const columns = splitEvenly(wanted, ({ readings }) => readings.length);
  return (
    <>
      <Tiles overview={overview} chosen={chosen} onChoose={choose} />
      {!past && <Notices notices={overview.warnings.notices} selectable />}
      {chosen && (
        <p class="quiet" role="status">
          {text.filtered(text.tiles[chosen])}{' '}
          <button class="link" onClick={() => choose(null)}>
            {text.showAll}
          </button>
        </p>
      )}
      {!wanted.length && <p class="quiet">{text.nothingHere}</p>}
      <div class="columns">
        {columns.map((column, side) => (
          <div key={side}>
            {column.map((section) => (
              <SectionCard
                key={section.key}
                section={section}
                histories={histories}
                installations={past ? null : (surroundings?.installations ?? null)}
                past={past}
              />
            ))}
          </div>
        ))}
      </div>
      {!past && surroundings && !chosen && !sections && (
        <div class="columns">
          <div>
            {credits.length > 0 && (
              <Credits
                license={overview.license.key}
                readings={credits}
                grants={surroundings.grants}
                requests={surroundings.requests}
                onSent={onSent}
              />
            )}
          </div>
          <div>
            <Alerts alerts={surroundings.alerts} />
          </div>
        </div>
      )}
    </>
  );
}

const only = (section: Section, status: Status): Section => ({
  ...section,
  readings: section.readings.filter((reading) => reading.status === status && reading.state !== 'NOT_IN_CONTRACT'),
});

function download(overview: Overview) {
  const rows = overview.sections.flatMap(({ title, readings }) =>
    readings.map(({ meter, status, used, limit, remaining, measuredAt }) =>
      [title, meter.key, meter.title, status, used, limit, remaining, meter.unit, measuredAt].map(cell).join(','),
    ),
  );
  const head = 'section,meter,title,status,used,limit,remaining,unit,measured_at';
  const url = URL.createObjectURL(new Blob([`\uFEFF${[head, ...rows].join('\r\n')}\r\n`], { type: 'text/csv' }));
  const link = Object.assign(document.createElement('a'), { href: url, download: `${overview.license.key}.csv` });
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}

/** A field of a CSV file (RFC 4180). A text that a spreadsheet would run as a formula is kept a text. */
const cell = (value: string | number | null) => {
  const words = typeof value === 'string' && /^[=+\-@\t\r]/.test(value) ? `'${value}` : String(value ?? '');
  return /[",\r\n]/.test(words) ? `"${words.replaceAll('"', '""')}"` : words;
};
