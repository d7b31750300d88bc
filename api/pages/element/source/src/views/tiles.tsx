// Four tiles that count the readings by status, and filter the sections.

import type { Overview, Status } from '../model';
import { tone, type Around } from './context';
import { Sign } from './status';

const ORDER: Status[] = ['EXCEEDED', 'AT_RISK', 'OK', 'UNKNOWN'];

export const countByStatus = (overview: Overview): Record<Status, number> => {
  const counts = { EXCEEDED: 0, AT_RISK: 0, OK: 0, UNKNOWN: 0 };
  for (const section of overview.sections)
    for (const { status, state } of section.readings) if (state !== 'NOT_IN_CONTRACT') counts[status] += 1;
  return counts;
};

interface Props {
  overview: Overview;
  chosen: Status | null;
  onChoose: (status: Status | null) => void;
}

export function Tiles({ overview, chosen, onChoose }: Props, { formats, text }: Around) {
  const counts = countByStatus(overview);
  return (
    <div class="tiles" role="group" aria-label={text.filter}>
      {ORDER.map((status) => (
        <button
          class={`tile ${tone(status)}`}
          part="tile"
          aria-pressed={chosen === status}
          disabled={!counts[status] && chosen !== status}
          onClick={() => onChoose(chosen === status ? null : status)}
        >
          <strong>{formats.number(counts[status])}</strong>
          <span>
            <Sign status={status} /> {text.tiles[status]}
          </span>
        </button>
      ))}
    </div>
  );
}
