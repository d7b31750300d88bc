// Small charts in SVG: a spark of twelve months, and the history of a reading with its table beside it.

import { type Meter, type Point } from '../model';
import { tone, type Around } from './context';

const top = (points: Point[]) => Math.max(...points.flatMap(({ used, limit }) => [used ?? 0, limit ?? 0]), 0) || 1;

export function Spark({ points, meter }: { points: Point[]; meter: Meter }, { formats, text }: Around) {
  const most = Math.max(...points.map(({ used }) => used ?? 0)) || 1;
  const words = points.map(
    ({ at, used }) => `${formats.month(at)}: ${used === null ? '–' : formats.number(used, meter.unitForms)}`,
  );
  return (
    <svg class="spark" viewBox="0 0 72 18" role="img" aria-label={`${text.months(meter.title)}. ${words.join('; ')}`}>
      {points.map(({ used, status }, place) => {
        const height = used === null ? 0 : Math.max(1, (18 * Math.max(0, used)) / most);
        const x = 72 - 6 * (points.length - place);
        return <rect class={tone(status)} x={x + 0.5} y={18 - height} width="5" height={height} />;
      })}
    </svg>
  );
}

export function HistoryChart({ points, meter }: { points: Point[]; meter: Meter }, { formats, text }: Around) {
  const { title, unitForms } = meter;
  const unit = formats.unit(2, unitForms);
  const number = (value: number | null) => (value === null ? '–' : formats.number(value, unitForms));
  if (!points.length) return <p class="quiet">{text.noHistory}</p>;
  const [width, height, most] = [600, 140, top(points)];
  const x = (place: number) => (points.length > 1 ? (width * place) / (points.length - 1) : width);
  const y = (value: number) => height - (height * Math.max(0, value)) / most;
  const line = (value: (point: Point) => number | null) => {
    let pen = 'M';
    return points
      .map((point, place) => {
        const at = value(point);
        if (at === null) {
          pen = 'M';
          return '';
        }
        const step = `${pen}${x(place).toFixed(1)} ${y(at).toFixed(1)}${pen === 'M' ? 'h0' : ''}`; // a single point is a dot
        pen = 'L';
        return step;
      })
      .join('');
  };
  return (
    <figure class="history">
      <figcaption>{text.historyOf(title)}</figcaption>
      <p class="ends">
        <span>{number(top(points))}</span>
        <span class="legend">
          {text.used}
          {points.some(({ limit }) => limit !== null) && <span class="limit">{text.limit}</span>}
        </span>
      </p>
      <svg viewBox={`0 0 ${width} ${height}`} preserveAspectRatio="none" aria-hidden="true">
        <path class="limit" d={line(({ limit }) => limit)} />
        <path class="used" d={line(({ used }) => used)} />
      </svg>
      <p class="ends">
        <span>{formats.date(points[0]!.at)}</span>
        <span>{formats.date(points.at(-1)!.at)}</span>
      </p>
      <details>
        <summary>{text.asTable}</summary>
        <div class="scroll" tabIndex={0} role="region" aria-label={text.historyOf(title)}>
          <table>
            <thead>
              <tr>
                <th scope="col">{text.date}</th>
                <th scope="col" class="number">{text.used}{unit && ` (${unit})`}</th>
                <th scope="col" class="number">{text.limit}</th>
                <th scope="col">{text.statusWord}</th>
              </tr>
            </thead>
            <tbody>
              {[...points].reverse().map(({ at, used, limit, status }) => (
                <tr>
                  <th scope="row">{formats.date(at)}</th>
                  <td class="number">{number(used)}</td>
                  <td class="number">{number(limit)}</td>
                  <td>{text.status[status]}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      </details>
    </figure>
  );
}
