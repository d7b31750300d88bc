// The notices: for each application the limits that are exceeded there.

import type { License, Notice } from '../model';
import { View } from './context';
import { Sign } from './status';

interface Props {
  notices: Notice[];
  /** The applications are named, and one of them can be chosen. */
  selectable?: boolean;
  contact?: License['contact'];
}

export class Notices extends View<Props, { chosen?: string }> {
  render() {
    const { formats, text } = this.context;
    const { notices, selectable, contact } = this.props;
    const href = contact?.url ?? (contact?.email && `mailto:${contact.email}`);
    const { chosen } = this.state;
    const applications = new Map(notices.map(({ shownIn }) => [shownIn?.key, shownIn?.title]));
    applications.delete(undefined);
    if (!notices.length) return null;
    return (
      <section class="notices" part="notices">
        <header>
          <h2>
            <Sign status="EXCEEDED" /> {text.notices}
          </h2>
          {selectable && applications.size > 1 && (
            <label>
              {text.application}{' '}
              <select value={chosen} onChange={(event) => this.setState({ chosen: event.currentTarget.value })}>
                <option value="">{text.allApplications}</option>
                {[...applications].map(([key, title]) => (
                  <option value={key}>
                    {title}
                  </option>
                ))}
              </select>
            </label>
          )}
        </header>
        <ul>
          {notices
            .filter(({ shownIn }) => !chosen || !shownIn || shownIn.key === chosen)
            .map(({ shownIn, message, since }) => (
              <li part="notice">
                {selectable && (
                  <span class="application">
                    {shownIn?.url ? <a href={shownIn.url}>{shownIn.title}</a> : (shownIn?.title ?? text.allApplications)}
                  </span>
                )}
                <p>
                  {message} <span class="quiet">{text.since(formats.date(since))}</span>
                </p>
              </li>
            ))}
        </ul>
        {contact && (
          <p class="contact">
            {text.contact} {href ? <a href={href}>{contact.name}</a> : contact.name}
          </p>
        )}
      </section>
    );
  }
}
