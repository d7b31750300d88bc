// The figures of the installations in the quota window, and why they may mislead.

import type { Installations } from '../model';
import type { Around } from './context';

export function InstallationFigures({ figures }: { figures: Installations }, { formats, text }: Around) {
  const { period, active, returning, lost, refused } = figures;
  const shown = { active, newOnes: figures.new, returning, lost, refusedOnes: refused };
  return (
    <div class="installations">
      <h4>{text.installations}</h4>
      <p class="quiet">{text.periodOf(...formats.days(period))}</p>
      <dl>
        {(Object.keys(shown) as (keyof typeof shown)[]).map((name) => (
          <div>
            <dt>{text[name]}</dt>
            <dd>{formats.number(shown[name])}</dd>
          </div>
        ))}
      </dl>
      {figures.skewed && <p class="stale">{text.skewed(formats.number(refused))}</p>}
    </div>
  );
}
