// A reading: its name, its status, its figure, its bar, what is left of it, and its details.

import { useState } from 'preact/hooks';
import { isFailure, type Failure, type Point, type Reading, type Share } from '../model';
import { Bar } from './bar';
import { HistoryChart, Spark } from './charts';
import { useAnswer, useAround, useText } from './context';
import { StatusMark } from './status';

type Months = Point[] | Failure | undefined;

export function ReadingRow({ reading, months, past }: { reading: Reading; months: Months; past: boolean }) {
  const { formats } = useAround();
  const { meter, limit, used, utilization, status, state } = reading;
  const { number } = formats;
  const compared = state === 'MEASURED' && used !== null && limit !== null;
  const label = compared ? formats.text.of(number(used), number(limit), meter.unit) : '';
  return (
    <li class="reading" part="reading" data-meter={meter.key}>
      <div class="line">
        <h3>{meter.title}</h3>
        {state === 'NOT_IN_CONTRACT' || state === 'NO_CONTRACT' ? null : <StatusMark status={status} />}
        {Array.isArray(months) && months.some((point) => point.used !== null) && (
          <Spark points={months} title={meter.title} />
        )}
        <Figure reading={reading} />
      </div>
      {compared && <Bar reading={reading} label={`${label}, ${formats.percent(utilization ?? (used > 0 ? 1 : 0))}`} />}
      <Remark reading={reading} />
      <Staleness reading={reading} />
      {state !== 'NOT_IN_CONTRACT' && <Details reading={reading} past={past} />}
    </li>
  );
}

/** The figure at the end of the line: “350,999 of 320,000 interactions · 109.7 %”. */
function Figure({ reading }: { reading: Reading }) {
  const { formats } = useAround();
  const text = useText();
  const { meter, state, used, limit, remaining, utilization } = reading;
  const strong = (value: number) => <strong>{formats.number(value)}</strong>;
  if (state === 'NOT_IN_CONTRACT') return null;
  if (state === 'TERM_ONLY' && limit !== null)
    return (
      <p class="figure">
        {strong(limit)} {meter.unit} · {text.setByContract}
      </p>
    );
  if (state === 'NEVER_MEASURED') return <p class="figure quiet">{text.neverMeasured}</p>;
  if (used === null) return <p class="figure quiet">{text.nothingReported}</p>;
  if (meter.kind === 'CREDITS' && remaining !== null)
    return <p class="figure">{text.creditsLeft(formats.number(remaining), meter.unit)}</p>;
  if (limit === null)
    return (
      <p class="figure">
        {strong(used)} {meter.unit}
        {state === 'UNLIMITED' && ` · ${text.unlimited}`}
      </p>
    );
  return (
    <p class="figure">
      {strong(used)} {text.ofLimit(formats.number(limit), meter.unit)}
      {utilization !== null && ` · ${formats.percent(utilization)}`}
    </p>
  );
}

/** The sentence below the bar: what is left, or what it means that the limit is reached. */
function Remark({ reading }: { reading: Reading }) {
  const { formats } = useAround();
  const text = useText();
  const { meter, state, used, limit, remaining, overage, refused, period } = reading;
  if (state !== 'MEASURED' || used === null || limit === null) return null;
  const until = period ? formats.date(period.end) : '';
  if (meter.enforcement === 'HARD' && refused)
    return <p class="remark over">{text.refused(formats.number(refused), refused === 1, until)}</p>;
  if (meter.enforcement === 'HARD' && limit > 0 && used >= limit)
    return <p class="remark">{text.full(formats.number(limit))}</p>;
  if (overage)
    return (
      <p class="remark over">
        {(meter.kind === 'CREDITS' ? text.owed : text.over)(formats.number(overage), meter.unit)}
      </p>
    );
  if (limit === 0) return <p class="remark">{text.none}</p>;
  if (remaining === null || meter.kind === 'CREDITS') return null;
  return <p class="remark">{text.left(formats.number(remaining), meter.unit)}</p>;
}

function Staleness({ reading: { freshness, measuredAt, problem } }: { reading: Reading }) {
  const { formats } = useAround();
  const text = useText();
  if (freshness !== 'STALE' || !measuredAt) return null;
  const time = formats.time(measuredAt);
  return (
    <p class="stale">
      {problem ? text.stale(time) : text.overdue(time)} {problem?.message}
    </p>
  );
}

function Details({ reading, past }: { reading: Reading; past: boolean }) {
  const { printing } = useAround();
  const [open, setOpen] = useState(false);
  const text = useText();
  const shown = open || printing;
  return (
    <details open={shown} onToggle={(event) => !printing && setOpen(event.currentTarget.open)}>
      <summary>
        {text.details}
        <span class="hidden"> – {reading.meter.title}</span>
      </summary>
      {shown && <DetailsBody reading={reading} past={past} />}
    </details>
  );
}

function DetailsBody({ reading, past }: { reading: Reading; past: boolean }) {
  const { formats } = useAround();
  const text = useText();
  const { meter, thresholds, breakdown, limitBasis } = reading;
  const dimensions = [...new Set(breakdown.map(({ dimension }) => dimension))];
  return (
    <div class="details">
      <p>{meter.description}</p>
      {limitBasis && <p class="quiet">{text.basis(limitBasis)}</p>}
      {thresholds.length > 0 && (
        <>
          <h4>{text.thresholds}</h4>
          <ul class="plain">
            {thresholds.map(({ ratio, value, crossedAt }) => (
              <li key={ratio}>
                {text.threshold(formats.percent(ratio), formats.number(value), meter.unit)} –{' '}
                {crossedAt ? text.crossedOn(formats.date(crossedAt)) : text.notCrossed}
              </li>
            ))}
          </ul>
        </>
      )}
      {dimensions.map((dimension) => (
        <Breakdown key={dimension} dimension={dimension} shares={breakdown.filter((one) => one.dimension === dimension)} />
      ))}
      {!past && meter.kind !== 'TERM' && <History reading={reading} />}
    </div>
  );
}

function Breakdown({ dimension, shares }: { dimension: string; shares: Share[] }) {
  const { formats } = useAround();
  const text = useText();
  const limited = shares.some(({ limit }) => limit !== null);
  const most = Math.max(...shares.map(({ used }) => used), 1);
  return (
    <table class="breakdown">
      <caption>{text.breakdown(dimension === 'entity' ? text.dimensionEntity : dimension.replaceAll('_', ' '))}</caption>
      <thead class={limited ? '' : 'hidden'}>
        <tr>
          <th scope="col">{text.value}</th>
          <th scope="col" class="number">{text.used}</th>
          {limited && <th scope="col" class="number">{text.remaining}</th>}
        </tr>
      </thead>
      <tbody>
        {shares.map(({ key, label, used, remaining }) => (
          <tr key={key}>
            <th scope="row">{label}</th>
            <td class="number">
              <span class="part" style={{ width: `${(100 * Math.max(0, used)) / most}%` }} />
              {formats.number(used)}
            </td>
            {limited && <td class="number">{remaining === null ? '–' : formats.number(remaining)}</td>}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function History({ reading }: { reading: Reading }) {
  const { store } = useAround();
  const text = useText();
  const points = useAnswer(() => store.days(reading.id), [reading.id, reading.measuredAt]);
  if (!points) return <div class="skeleton chart" />;
  if (isFailure(points))
    return (
      <p class="stale">
        {text.historyFailed} {points.message}
      </p>
    );
  return <HistoryChart points={points} title={reading.meter.title} unit={reading.meter.unit} />;
}
