// A reading: its name, its status, its figure, its bar, what is left of it, and its details.

import type { Failure, Point, Reading } from '../model';
import { Bar } from './bar';
import { Spark } from './charts';
import { View, type Around } from './context';
import { Details } from './details';
import { StatusMark } from './status';

interface Props {
  reading: Reading;
  months: Point[] | Failure | undefined;
  past: boolean;
}

/** States in which a status says something: there is a limit, or nothing is known. */
const JUDGED = new Set(['MEASURED', 'NOTHING_REPORTED', 'NEVER_MEASURED']);

export class ReadingRow extends View<Props, { open?: boolean }> {
  render() {
    const { formats, text, printing } = this.context;
    const { reading, months, past } = this.props;
    const { meter, limit, used, utilization, status, state } = reading;
    const compared = state === 'MEASURED' && used !== null && limit !== null;
    const label = compared ? text.of(formats.number(used, meter.unitForms), formats.amount(limit, meter.unitForms)) : '';
    const shown = this.state.open || printing;
    return (
      <li class="reading" part="reading" data-meter={meter.key}>
        <div class="line">
          <h3>{meter.title}</h3>
          {JUDGED.has(state) && <StatusMark status={status} />}
          <Figure reading={reading} />
        </div>
        {compared && <Bar reading={reading} label={`${label}, ${formats.percent(utilization ?? (used > 0 ? 1 : 0))}`} />}
        {state !== 'NOT_IN_CONTRACT' && (
          <div class="foot">
            <Remark reading={reading} />
            <span class="more">
              {Array.isArray(months) && months.filter(({ used }) => used !== null).length > 2 ? (
                <Spark points={months} meter={meter} />
              ) : (
                <span class="spark" />
              )}
              <button
                class="link"
                aria-expanded={shown}
                aria-controls={`details-${meter.key}`}
                onClick={() => this.setState({ open: !shown })}
              >
                {text.details}
                <span class="hidden"> – {meter.title}</span>
              </button>
            </span>
          </div>
        )}
        <Staleness reading={reading} />
        {shown && state !== 'NOT_IN_CONTRACT' && <Details reading={reading} past={past} />}
      </li>
    );
  }
}

/** The figure at the end of the line: “350,999 of 320,000 interactions · 109.7 %”. */
function Figure({ reading }: { reading: Reading }, { formats, text }: Around) {
  const { meter, state, used, limit, remaining, utilization } = reading;
  const unit = (value: number) => formats.unit(value, meter.unitForms);
  const strong = (value: number) => <strong>{formats.number(value, meter.unitForms)}</strong>;
  if (state === 'NOT_IN_CONTRACT') return null;
  if (state === 'TERM_ONLY' && limit !== null)
    return (
      <p class="figure">
        {strong(limit)} {unit(limit)} · {text.setByContract}
      </p>
    );
  if (state === 'NEVER_MEASURED') return <p class="figure quiet">{text.neverMeasured}</p>;
  if (used === null) return <p class="figure quiet">{text.nothingReported}</p>;
  if (meter.kind === 'CREDITS' && remaining !== null)
    return <p class="figure">{text.left(formats.amount(remaining, meter.unitForms))}</p>;
  if (limit === null)
    return (
      <p class="figure">
        {strong(used)} {unit(used)}
        {state === 'UNLIMITED' && ` · ${text.unlimited}`}
      </p>
    );
  return (
    <p class="figure">
      {strong(used)} {text.of('', formats.amount(limit, meter.unitForms))}
      {utilization !== null && ` · ${formats.percent(utilization)}`}
    </p>
  );
}

/** The sentence below the bar: what is left, or what it means that the limit is reached. */
function Remark({ reading }: { reading: Reading }, { formats, text }: Around) {
  const { meter, state, used, limit, remaining, overage, refused, period } = reading;
  if (state !== 'MEASURED' || used === null || limit === null) return null;
  const until = period ? formats.date(period.end) : '';
  const isHard = meter.enforcement === 'HARD';
  const isCredits = meter.kind === 'CREDITS';
  if (isHard && refused)
    return <p class="remark over">{text.refused(formats.number(refused), until)}</p>;
  if (isHard && limit > 0 && used >= limit) return <p class="remark">{text.full(formats.number(limit), until)}</p>;
  if (overage)
    return <p class="remark over">{isCredits ? text.owed(formats.amount(overage, meter.unitForms)) : text.over(formats.number(overage, meter.unitForms))}</p>;
  if (limit === 0) return <p class="remark">{text.none}</p>;
  if (remaining === null || isCredits) return null;
  return <p class="remark">{remaining ? text.left(formats.number(remaining, meter.unitForms)) : text.nothingLeft}</p>;
}

function Staleness({ reading: { freshness, measuredAt, problem } }: { reading: Reading }, { formats, text }: Around) {
  if (freshness !== 'STALE' || !measuredAt) return null;
  const time = formats.time(measuredAt);
  return (
    <p class="stale">
      {problem ? text.stale(time) : text.overdue(time)} {problem?.message}
    </p>
  );
}
