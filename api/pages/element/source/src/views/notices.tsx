// The notices: for each application the limits that are exceeded there.

import type { Notice } from '../model';
import { View } from './context';
import { Sign } from './status';

interface Props {
  notices: Notice[];
  /** The applications are named, and one of them can be chosen. */
  selectable?: boolean;
}

export class Notices extends View<Props, { chosen?: string }> {
  render() {
    const { formats, text } = this.context;
    const { notices, selectable } = this.props;
    const { chosen } = this.state;
    const applications = [...new Set(notices.map(({ application }) => application))].filter(Boolean).sort();
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
              <select value={chosen} onChange={(event) => this.setState({ chosen: event.currentTarget.value })}>
                <option value="">{text.allApplications}</option>
                {applications.map((application) => (
                  <option key={application}>{application}</option>
                ))}
              </select>
            </label>
          )}
        </header>
        <ul>
          {notices
            .filter(({ application }) => !chosen || !application || application === chosen)
            .map(({ application, message, since, meter }) => (
              <li key={`${application} ${meter.key}`} part="notice">
                {selectable && <span class="application">{application || text.inAllApplications}</span>}
                <p>
                  {message} <span class="quiet">{text.since(formats.date(since))}</span>
                </p>
              </li>
            ))}
        </ul>
      </section>
    );
  }
}
