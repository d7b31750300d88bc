// The details of a reading: what it is, its limit, its thresholds, its parts and its history.

import { isFailure, type Reading, type Share, type Unit } from '../model';
import { HistoryChart } from './charts';
import { bounded, LeftOut, View, type Around } from './context';
import { explainWithTrace } from './problem';

export function Details({ reading, past }: { reading: Reading; past: boolean }, { formats, text, printing }: Around) {
  const { meter, thresholds, breakdown, limitBasis } = reading;
  const dimensions = [...new Set(breakdown.map(({ dimension }) => dimension))];
  const titleOf = (dimension: string) =>
    dimension === 'entity'
      ? text.dimensionEntity
      : (meter.events.flatMap((event) => event.dimensions).find(({ key }) => key === dimension)?.title.toLowerCase() ?? dimension);
  return (
    <div class="details" id={`details-${meter.key}`}>
      <p>{meter.description}</p>
      {limitBasis && <p class="quiet">{text.basis(limitBasis)}</p>}
      {thresholds.length > 0 && (
        <>
          <h4>{text.thresholds}</h4>
          <ul class="plain">
            {thresholds.map(({ ratio, value, crossedAt }) => (
              <li>
                {formats.percent(ratio)} ({formats.amount(value, meter.unitForms)}) –{' '}
                {crossedAt ? text.crossedOn(formats.date(crossedAt)) : text.notCrossed}
              </li>
            ))}
          </ul>
        </>
      )}
      {dimensions.map((dimension) => (
        <Breakdown title={titleOf(dimension)} unit={meter.unitForms} shares={breakdown.filter((one) => one.dimension === dimension)} />
      ))}
      {/* On paper, the months beside the figure are enough. */}
      {!past && !printing && meter.kind !== 'TERM' && <History reading={reading} />}
    </div>
  );
}

function Breakdown({ title, unit, shares }: { title: string; unit: Unit; shares: Share[] }, { formats, text, printing }: Around) {
  const limited = shares.some(({ limit }) => limit !== null);
  const most = Math.max(...shares.map(({ used }) => used), 1);
  return (
    <>
    <table class="breakdown">
      <caption>{text.breakdown(title)}</caption>
      <thead class={limited ? '' : 'hidden'}>
        <tr>
          <th scope="col">{text.value}</th>
          <th scope="col" class="number">{text.used}</th>
          {limited && <th scope="col" class="number">{text.remaining}</th>}
        </tr>
      </thead>
      <tbody>
        {bounded(shares, printing).map(({ label, used, remaining }) => (
          <tr>
            <th scope="row">{label}</th>
            <td class="number">
              <span class="part" style={{ width: `${(100 * Math.max(0, used)) / most}%` }} />
              {formats.number(used, unit)}
            </td>
            {limited && <td class="number">{remaining === null ? '–' : formats.number(remaining, unit)}</td>}
          </tr>
        ))}
      </tbody>
    </table>
    <LeftOut list={shares} />
    </>
  );
}

class History extends View<{ reading: Reading }> {
  render() {
    const { store, text } = this.context;
    const { id, measuredAt, meter } = this.props.reading;
    const points = this.answer('points', `${id} ${measuredAt}`, () => store.days(id));
    if (!points) return <div class="skeleton chart" />;
    if (isFailure(points))
      return (
        <p class="stale">
          {text.historyFailed} {explainWithTrace(points, text)}
        </p>
      );
    return <HistoryChart points={points} meter={meter} />;
  }
}
