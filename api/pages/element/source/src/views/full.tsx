// The whole of “My consumption”.

import type { ComponentChild } from 'preact';
import { isFailure, type Histories, type Overview, type Section, type Status, type Surroundings } from '../model';
import type { State } from '../store';
import { Alerts } from './alerts';
import { failureOf, known, View } from './context';
import { Credits } from './credits';
import { download } from './download';
import { Halo } from './halo';
import { Notices } from './notices';
import { PeriodBar } from './period';
import { explainWithTrace } from './problem';
import { isSold, SectionCard, Unsold } from './section';
import { Failed, Loading, rememberShape, splitEvenly } from './states';
import { StatusMark } from './status';
import { Tiles } from './tiles';

interface Shown {
  /** The place of the shown period; undefined for the current one. */
  place?: number;
  /** The number of requests for credits that were sent. */
  sent?: number;
}

export class Full extends View<{ state: State; sections: string[] | null }, Shown> {
  render() {
    const { store, formats, text } = this.context;
    const { state, sections } = this.props;
    const { place, sent = 0 } = this.state;
    const current = state.overview!;
    const { license, version } = current;
    const around = known(
      this.answer('around', `${license.key} ${version} ${sent}`, () => store.surroundings(license.key)),
    );
    const can = known(this.answer('viewer', store, () => store.viewer()))?.can ?? [];
    const { periods } = license;
    const shown = place ?? periods.length - 1;
    const period = periods[shown];
    // The last instant of a past period.
    const at = period && !period.current ? new Date(Date.parse(period.end) - 1).toISOString() : null;
    // By period, so that figures of one never stand below another.
    const past = this.answer(`past ${at}`, at && `${at} ${version}`, async () => at && store.past(at));
    const histories = known(this.answer(`months ${at}`, version, () => store.months(at)));
    const overview = at ? known(past) : current;
    return (
      <>
        <Header overview={current} state={state} canRefresh={can.includes('REFRESH')} />
        {state.awaySince && (
          <p class="away" role="status">
            {text.away(formats.time(state.awaySince.toISOString()))}
          </p>
        )}
        {license.suspended && <p class="away">{text.suspended(license.suspended.message)}</p>}
        {license.state === 'NO_CONTRACT' && <p class="away">{text.noContract}</p>}
        <PeriodBar
          periods={periods}
          shown={shown}
          onShow={(next) => this.setState({ place: next === periods.length - 1 ? undefined : next })}
        />
        {at && isFailure(past) ? (
          <Failed failure={past} />
        ) : overview ? (
          <Body
            overview={overview}
            sections={sections}
            past={at !== null}
            histories={histories}
            around={around}
            can={can}
            onSent={() => this.setState({ sent: sent + 1 })}
          />
        ) : (
          <Loading license={store.license} above={102} />
        )}
      </>
    );
  }
}

class Header extends View<{ overview: Overview; state: State; canRefresh: boolean }, { said?: string }> {
  #refresh = async () => {
    const { store, text } = this.context;
    this.setState({ said: text.refreshing });
    const said = await store.refresh().then(
      () => text.refreshed,
      (error) => explainWithTrace(failureOf(error), text),
    );
    this.setState({ said });
  };

  render() {
    const { text } = this.context;
    const { overview, state, canRefresh } = this.props;
    return (
      <header class="top" part="header">
        <div class="name">
          <h1>{text.title}</h1>
          <p>
            {overview.license.name} <StatusMark status={overview.status} />
          </p>
        </div>
        <div class="tools">
          {!state.awaySince && <span class={`live ${state.live ? 'on' : ''}`}>{state.live ? text.live : text.polling}</span>}
          {canRefresh && (
            <button class="button" part="button" onClick={this.#refresh}>
              {text.refresh}
            </button>
          )}
          <button class="button" part="button" onClick={() => download(overview)}>
            {text.download}
          </button>
          <slot name="toolbar" />
          <Halo overview={overview} />
        </div>
        <p role="status" class="said">
          {this.state.said}
        </p>
      </header>
    );
  }
}

interface BodyProps {
  overview: Overview;
  sections: string[] | null;
  past: boolean;
  histories: Histories | null;
  around: Surroundings | null;
  /** What the person may do. */
  can: string[];
  onSent: () => void;
}

class Body extends View<BodyProps, { chosen?: Status | null }> {
  #columns: Element | null = null;

  componentDidUpdate() {
    if (!this.props.past && !this.state.chosen) rememberShape(this.context.store.license, this.#columns!);
  }

  render() {
    const { text, printing } = this.context;
    const { overview, past } = this.props;
    const { chosen } = this.state;
    const choose = (status: Status | null) => this.setState({ chosen: status });
    const cards = this.#cards(chosen);
    return (
      <>
        <Tiles overview={overview} chosen={chosen ?? null} onChoose={choose} />
        {!past && <Notices notices={overview.warnings.notices} contact={overview.license.contact} selectable />}
        {chosen && (
          <p class="quiet" role="status">
            {text.filtered(text.tiles[chosen])}{' '}
            <button class="link" onClick={() => choose(null)}>
              {text.showAll}
            </button>
          </p>
        )}
        {!cards.length && <p class="quiet">{text.nothingHere}</p>}
        <div class="columns" ref={(columns) => void (this.#columns = columns)}>
          {splitEvenly(cards, ({ size }) => size).map((column) => (
            <div>{column.map(({ card }) => card)}</div>
          ))}
        </div>
        {printing && <p class="quiet">{text.printed}</p>}
      </>
    );
  }

  /** The cards in their order, each with about how many readings are as high as it. */
  #cards(chosen: Status | null | undefined) {
    const { overview, sections, past, histories, around, can, onSent } = this.props;
    const credits = overview.sections.flatMap(({ readings }) => readings.filter(({ meter }) => meter.kind === 'CREDITS'));
    const wanted = overview.sections
      .filter(({ key }) => !sections || sections.includes(key))
      .map((section) => (chosen ? only(section, chosen) : section))
      .filter(({ readings }) => readings.length > 0);
    const unsold = wanted.filter((section) => !isSold(section));
    const cards: { size: number; card: ComponentChild }[] = wanted.filter(isSold).map((section) => ({
        size: section.readings.filter(({ state }) => state !== 'NOT_IN_CONTRACT').length,
        card: (
          <SectionCard
            key={section.key}
            section={section}
            histories={histories}
            installations={past ? null : overview.installations}
            past={past}
          />
        ),
      }));
    const rest = unsold.length ? [{ size: 0, card: <Unsold key="unsold" sections={unsold} /> }] : [];
    if (past || chosen || sections) return [...cards, ...rest];
    // Credits and alerts come after the figures, of which none moves then: so the sizes are usual ones.
    if (credits.length)
      cards.push({
        size: 2,
        card: around && (
          <Credits
            key="credits"
            license={overview.license.key}
            readings={credits}
            grants={around.grants}
            requests={around.requests}
            canRequest={can.includes('REQUEST_CREDITS')}
            onSent={onSent}
          />
        ),
      });
    return [...cards, { size: 3, card: around && <Alerts key="alerts" alerts={around.alerts} /> }, ...rest];
  }
}

const only = (section: Section, status: Status): Section => ({
  ...section,
  readings: section.readings.filter((reading) => reading.status === status && reading.state !== 'NOT_IN_CONTRACT'),
});
