// A short form for a start page or a sidebar: the worst status, and each section in a line.

import type { Overview } from '../model';
import type { Around } from './context';
import { StatusMark } from './status';

interface Props {
  overview: Overview;
  sections: string[] | null;
}

export function Summary({ overview, sections }: Props, { formats, text }: Around) {
  return (
    <section class="card summary" part="card summary">
      <header>
        <h2>{text.title}</h2>
        <StatusMark status={overview.status} />
      </header>
      <ul class="plain">
        {overview.sections
          .filter(({ key }) => !sections || sections.includes(key))
          .map(({ title, status }) => (
            <li>
              <span>{title}</span> <StatusMark status={status} />
            </li>
          ))}
      </ul>
      {overview.updatedAt && <footer class="quiet">{text.updated(formats.time(overview.updatedAt))}</footer>}
    </section>
  );
}
