// The notices: for each application the limits that are exceeded there.

import { useState } from 'preact/hooks';
import type { Notice } from '../model';
import { useAround } from './context';
import { Sign } from './status';

export function Notices({ notices, selectable = false }: { notices: Notice[]; selectable?: boolean }) {
  const { formats } = useAround();
  const { text } = formats;
  const [chosen, choose] = useState('');
  const applications = [...new Set(notices.map(({ application }) => application))].sort();
  const shown = chosen ? notices.filter(({ application }) => application === chosen || !application) : notices;
  if (!notices.length) return null;
  return (
    <section class="notices" part="notices" aria-labelledby="notices">
      <header>
        <h2 id="notices">
          <Sign status="EXCEEDED" /> {text.notices}
        </h2>
        {selectable && applications.length > 1 && (
          <label>
            {text.application}{' '}
            <select value={chosen} onChange={(event) => choose(event.currentTarget.value)}>
              <option value="">{text.allApplications}</option>
              {applications.filter(Boolean).map((application) => (
                <option key={application}>{application}</option>
              ))}
            </select>
          </label>
        )}
      </header>
      <ul class="plain">
        {shown.map(({ application, message, since, meter }) => (
          <li key={`${application} ${meter.key}`} part="notice">
            {selectable && <span class="application">{application || text.inAllApplications}</span>} {message}{' '}
            <span class="quiet">{text.since(formats.date(since))}</span>
          </li>
        ))}
      </ul>
    </section>
  );
}
