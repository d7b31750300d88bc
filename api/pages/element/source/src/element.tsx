// <allowance-consumption> and <allowance-notice>: the consumption of a license in any page.

import { render } from 'preact';
import { formatsOf } from './format';
import { type Failure, type Overview } from './model';
import { addressOf } from './http';
import { storeOf, type GetToken, type State, type Store } from './store';
import { spokenOf, wordsIn, type Text } from './texts';
import { Within } from './views/context';
import { Full } from './views/full';
import { Halo } from './views/halo';
import { Notices } from './views/notices';
import { Failed, Loading, SignedOut } from './views/states';
import { Summary } from './views/summary';
import { countByStatus } from './views/tiles';
import styles from './styles.css?inline';

const sheet = new CSSStyleSheet();
sheet.replaceSync(styles);

/** The attributes that choose the connection. */
const CONNECTION = ['endpoint', 'license', 'lang'];

const PRINT = ['beforeprint', 'afterprint'];
class AllowanceElement extends HTMLElement {
  static observedAttributes = [...CONNECTION, 'sections', 'application', 'theme', 'view'];

  #getToken: GetToken | undefined;
  #store: Store | null = null;
  #leave: (() => void) | null = null;
  #told: { overview: Overview | null; failure: Failure | null } = { overview: null, failure: null };
  #printing = false;
  #draw = () => this.#render();
  /** Browsers tell that they print before they lay the pages out; the medium changes too late for that. */
  #print = ({ type }: Event) => {
    this.#printing = type === 'beforeprint';
    this.#render();
  };

  constructor() {
    super();
    this.attachShadow({ mode: 'open' }).adoptedStyleSheets = [sheet];
  }

  /** Asked for a token at each connection; it may answer later. */
  get getToken(): GetToken | undefined {
    return this.#getToken;
  }
  set getToken(getToken: GetToken | undefined) {
    if (this.#getToken) this.#store?.removeTokens(this.#getToken);
    this.#getToken = getToken;
    if (getToken) this.#store?.addTokens(getToken);
  }

  /** Connect again, for example after the person has signed in. */
  reconnect(): void {
    this.#store?.retry();
  }

  connectedCallback(): void {
    if (Object.hasOwn(this, 'getToken')) {
      // A property that was set before the element was known hides the accessor of the class.
      const { getToken } = this;
      delete this.getToken;
      this.getToken = getToken;
    }
    for (const type of PRINT) addEventListener(type, this.#print);
    this.#join();
  }

  disconnectedCallback(): void {
    for (const type of PRINT) removeEventListener(type, this.#print);
    this.#part();
    render(null, this.shadowRoot!);
  }

  attributeChangedCallback(name: string): void {
    if (!this.isConnected || !this.#store) return;
    if (CONNECTION.includes(name)) {
      this.#part();
      this.#join();
    } else this.#render();
  }

  /** The view that is shown. */
  protected get shownView(): string {
    return this.getAttribute('view') ?? 'full';
  }

  get #language(): string {
    const near = this.closest('[lang]')?.getAttribute('lang');
    return spokenOf([...(near ? [near] : []), ...navigator.languages]);
  }

  #join(): void {
    const address = addressOf(this.getAttribute('endpoint') ?? '/graphql', this.#language);
    const store = storeOf(address, this.getAttribute('license'));
    this.#store = store;
    if (this.#getToken) store.addTokens(this.#getToken);
    this.#leave = store.join(() => this.#changed());
    this.#render();
  }

  #part(): void {
    if (this.#getToken) this.#store?.removeTokens(this.#getToken);
    this.#leave?.();
    this.#leave = this.#store = null;
  }

  #changed(): void {
    const { overview, failure } = this.#store!.state;
    if (overview && overview.version !== this.#told.overview?.version)
      this.#emit('allowance-status', {
        status: overview.status,
        halo: overview.warnings.halo,
        counts: countByStatus(overview),
        version: overview.version,
        license: overview.license.key,
      });
    if (failure && failure !== this.#told.failure) this.#emit('allowance-error', failure);
    const before = this.#told.overview;
    this.#told = { overview, failure };
    const text = wordsIn(this.#language, this.#draw);
    this.#render(before && overview && text ? statusChanges(before, overview, text) : undefined);
  }

  #emit(name: string, detail: unknown): void {
    this.dispatchEvent(new CustomEvent(name, { detail, bubbles: true, composed: true }));
  }

  #said = '';

  #render(said?: string): void {
    if (!this.#store) return;
    if (said) this.#said = said;
    const { state } = this.#store;
    const language = this.#language;
    const text = wordsIn(language, this.#draw);
    const formats = formatsOf(language, state.overview?.license.timeZone ?? 'UTC');
    const around = { formats, text: text!, store: this.#store, printing: this.#printing };
    const view = this.shownView;
    render(
      <Within around={around}>
        <div class="allowance" lang={language} data-view={view}>
          {text ? this.#view(view, state) : view === 'full' && <Loading license={this.#store.license} />}
          {view !== 'halo' && (
            <p class="hidden" role="status" aria-live="polite">
              {this.#said}
            </p>
          )}
        </div>
      </Within>,
      this.shadowRoot!,
    );
  }

  #view(view: string, state: State) {
    const { overview } = state;
    const sections = list(this.getAttribute('sections'));
    if (view === 'halo') return <Halo overview={overview} />;
    if (view === 'notices') return overview && <Notices notices={noticesOf(overview, this.getAttribute('application'))} contact={overview.license.contact} />;
    if (state.phase === 'signed-out') return <SignedOut />;
    if (state.phase === 'failed') return <Failed failure={state.failure!} />;
    // Before the first figures there is nothing that could stay meanwhile.
    if (!overview && state.awaySince) return <Failed failure={{ code: 'UNREACHABLE', message: '', trace: null }} />;
    if (!overview) return view === 'full' ? <Loading license={this.#store!.license} /> : <div class="card skeleton" />;
    if (view === 'summary') return <Summary overview={overview} sections={sections} />;
    return <Full key={this.#store!.address} state={state} sections={sections} />;
  }
}

class AllowanceNotice extends AllowanceElement {
  protected override get shownView(): string {
    return 'notices';
  }
}

const list = (value: string | null) => value?.split(/[\s,]+/).filter(Boolean) ?? null;

/** A meter without applications concerns all of them. */
const noticesOf = ({ warnings }: Overview, application: string | null) =>
  warnings.notices.filter(({ shownIn }) => !application || !shownIn || shownIn.key === application);

function statusChanges(before: Overview, now: Overview, text: Text): string {
  const readings = ({ sections }: Overview) => sections.flatMap((section) => section.readings);
  const known = new Map(readings(before).map(({ meter, status }) => [meter.key, status]));
  return readings(now)
    .filter(({ meter, status }) => known.has(meter.key) && known.get(meter.key) !== status)
    .map(({ meter, status }) => text.changed(meter.title, text.status[status]))
    .join('. ');
}

if (!customElements.get('allowance-consumption')) {
  customElements.define('allowance-consumption', AllowanceElement);
  customElements.define('allowance-notice', AllowanceNotice);
}

export { AllowanceElement as AllowanceConsumption, AllowanceNotice };
