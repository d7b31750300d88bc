// A section: a card with its readings and the time of its latest update.

import type { Histories, Installations, Section } from '../model';
import { tone, type Around } from './context';
import { InstallationFigures } from './installations';
import { ReadingRow } from './reading';
import { StatusMark } from './status';

interface Props {
  section: Section;
  histories: Histories | null;
  installations: Installations | null;
  past: boolean;
}

/** Sections of which the contract has nothing, folded away together. */
export function Unsold({ sections }: { sections: Section[] }, { formats, text, printing }: Around) {
  const count = sections.reduce((sum, { readings }) => sum + readings.length, 0);
  return (
    <details class="card unsold" open={printing}>
      <summary>{text.notInContract(formats.number(count))}</summary>
      {sections.map(({ key, title, readings }) => (
        <p data-section={key}>
          <strong>{title}</strong> <span class="quiet">{readings.map(({ meter }) => meter.title).join(', ')}</span>
        </p>
      ))}
    </details>
  );
}

export const isSold = ({ readings }: Section) => readings.some(({ state }) => state !== 'NOT_IN_CONTRACT');

export function SectionCard(
  { section, histories, installations, past }: Props,
  { formats, text, printing }: Around,
) {
  const sold = section.readings.filter(({ state }) => state !== 'NOT_IN_CONTRACT');
  const unsold = section.readings.filter(({ state }) => state === 'NOT_IN_CONTRACT');
  const row = (reading: Section['readings'][number]) => (
    <ReadingRow key={reading.meter.key} reading={reading} months={histories?.[reading.meter.key]} past={past} />
  );
  const counts = sold.some(({ meter }) => meter.kind === 'ADMISSION');
  return (
    <section class={`card ${tone(section.status)}`} part="card section">
      <header>
        <h2>{section.title}</h2>
        <StatusMark status={section.status} />
        {section.consumptionSince && (
          <p class="since">{text.consumptionSince(formats.date(section.consumptionSince))}</p>
        )}
      </header>
      {section.description && <p class="quiet">{section.description}</p>}
      <ul class="readings">{sold.map(row)}</ul>
      {counts && installations && <InstallationFigures figures={installations} />}
      {unsold.length > 0 && (
        <details class="unsold" open={printing}>
          <summary>{text.notInContract(formats.number(unsold.length))}</summary>
          <ul class="readings">{unsold.map(row)}</ul>
        </details>
      )}
      <footer class="quiet">
        {section.updatedAt ? text.updated(formats.time(section.updatedAt)) : text.neverUpdated}
        {!past && section.nextUpdateAt && ` · ${text.nextUpdate(formats.time(section.nextUpdateAt))}`}
      </footer>
    </section>
  );
}
