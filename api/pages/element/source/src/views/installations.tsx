// The figures of the installations in the quota window, and why they may mislead.

import type { Installations } from '../model';
import type { Around } from './context';

export function InstallationFigures({ figures }: { figures: Installations }, { formats, text }: Around) {
  const { period, active, returning, lost, refused } = figures;
  const shown: [string, number][] = [
    [text.active, active],
    [text.newOnes, figures.new],
    [text.returning, returning],
    [text.lost, lost],
    [text.refusedOnes, refused],
  ];
  return (
    <div class="installations">
      <h4>{text.installations}</h4>
      <p class="quiet">{text.periodOf(...formats.days(period))}</p>
      <dl>
        {shown.map(([name, figure]) => (
          <div>
            <dt>{name}</dt>
            <dd>{formats.number(figure)}</dd>
          </div>
        ))}
      </dl>
      {figures.skewed && <p class="stale">{text.skewed(formats.number(refused))}</p>}
    </div>
  );
}
