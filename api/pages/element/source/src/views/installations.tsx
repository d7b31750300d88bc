// The figures of the installations in the quota window, and why they may mislead.

import type { Installations } from '../model';
import { useAround } from './context';

export function InstallationFigures({ figures }: { figures: Installations }) {
  const { formats } = useAround();
  const { text, number } = formats;
  const shown: [string, number][] = [
    [text.active, figures.active],
    [text.newOnes, figures.new],
    [text.returning, figures.returning],
    [text.lost, figures.lost],
    [text.refusedOnes, figures.refused],
  ];
  return (
    <div class="installations">
      <h4>{text.installations}</h4>
      <p class="quiet">{text.periodOf(formats.date(figures.period.start), formats.lastDay(figures.period.end))}</p>
      <dl>
        {shown.map(([word, value]) => (
          <div key={word}>
            <dt>{word}</dt>
            <dd>{number(value)}</dd>
          </div>
        ))}
      </dl>
      {figures.skewed && <p class="stale">{text.skewed(number(figures.refused), figures.refused === 1)}</p>}
    </div>
  );
}
