// The connection to the API that all elements of a page share, if they show the same license of the same server.

import { request, type Answer, type GraphQLProblem } from './http';
import { asFailure, PASSING, type Alert, type Failure, type Histories, type Overview, type Point, type Surroundings, type Viewer } from './model';
import { subscribe } from './socket';
import { CONSUMPTION } from './overview';
import { CHANGES, DAYS, MONTHS, REFRESH, REQUEST_CREDITS, SURROUNDINGS, VIEWER } from './queries';

export type GetToken = () => string | null | undefined | Promise<string | null | undefined>;

export interface State {
  phase: 'loading' | 'ready' | 'signed-out' | 'failed';
  overview: Overview | null;
  /** True while changes arrive by themselves. */
  live: boolean;
  /** Since when the server cannot be reached; null while it can. */
  awaySince: Date | null;
  failure: Failure | null;
}

const START: State = { phase: 'loading', overview: null, live: false, awaySince: null, failure: null };
const UNAUTHENTICATED = 4403;
const NO_TOKEN: Failure = { code: 'UNAUTHENTICATED', message: 'There is no valid token.', trace: null };

export class Store {
  state: State = START;
  #listeners = new Set<() => void>();
  #tokens = new Set<GetToken>();
  #isOpen = false;
  #disconnect: (() => void) | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #tries = 0;
  #token: string | null = null;
  /** The token of the connection. */
  #connected: string | null = null;
  /** True if the connection was refused since the last figures. */
  #refused = false;
  /** The token that was asked for when the connection was begun. */
  #fresh: Promise<string | null> | null = null;
  #viewer: Promise<Viewer> | null = null;

  constructor(
    readonly address: string,
    readonly license: string | null,
  ) {}

  /** Take part: returns the function that ends it. The connection opens with the first and closes with the last. */
  join(listener: () => void): () => void {
    this.#listeners.add(listener);
    if (this.#listeners.size === 1) this.#open();
    return () => {
      this.#listeners.delete(listener);
      if (!this.#listeners.size) {
        this.#close();
        stores.delete(storeKey(this.address, this.license));
      }
    };
  }

  /** Add a source of tokens. What was refused before is tried again with it; a connection that opens will ask it. */
  addTokens(getToken: GetToken): void {
    const isNew = !this.#tokens.has(getToken);
    this.#tokens.add(getToken);
    if (!isNew || !this.#listeners.size) return;
    if (this.state.phase === 'loading') void this.#hasten();
    else if (!this.state.overview || !this.#token) this.retry();
  }

  removeTokens(getToken: GetToken): void {
    this.#tokens.delete(getToken);
  }

  retry(): void {
    this.#refused = false;
    this.#viewer = null;
    this.#close();
    if (this.state.phase !== 'ready') this.#set({ ...START });
    this.#open();
  }

  /** Send a request. If its token is refused, a new one is asked for once. */
  async ask(query: string, variables: Record<string, unknown>, renewed?: string): Promise<Answer> {
    const token = renewed ?? (await this.#freshToken());
    const answer = await request(this.address, token, query, { license: this.license, ...variables });
    if (!answer.errors.some((error) => error.extensions?.code === NO_TOKEN.code)) return answer;
    const found = renewed ? null : await this.#freshToken();
    if (found && found !== token) return this.ask(query, variables, found);
    this.#signOut();
    return answer;
  }

  /** The overview at the end of a past day. */
  async past(at: string): Promise<Overview> {
    return (await this.#demand(CONSUMPTION, { at })).consumption;
  }

  /** The last twelve months of each reading. A history that could not be read costs no other. */
  async months(at: string | null): Promise<Histories> {
    const { data, errors, trace } = await this.ask(MONTHS, { at });
    const histories: Histories = {};
    (data?.consumption?.sections ?? []).forEach((section: any, place: number) =>
      section.readings.forEach((reading: any, index: number) => {
        const path = `consumption.sections.${place}.readings.${index}.history`;
        histories[reading.meter.key] = points(reading.history, errors, path, trace);
      }),
    );
    return histories;
  }

  /** The last three months of a reading, day by day. */
  async days(reading: string): Promise<Point[] | Failure> {
    const { data, errors, trace } = await this.ask(DAYS, { reading });
    return points(data?.node?.history, errors, 'node.history', trace);
  }

  /** Who asks; the same for all views of a connection. */
  viewer(): Promise<Viewer> {
    return (this.#viewer ??= this.#demand(VIEWER, {}).then(({ viewer }) => viewer));
  }

  async surroundings(key: string): Promise<Surroundings> {
    const { license } = await this.#demand(SURROUNDINGS, { key });
    const nodes = (connection: any) => connection.edges.map((edge: any) => edge.node);
    return {
      grants: nodes(license.grants),
      requests: nodes(license.creditRequests),
      // Those that one refresh found come in no order.
      alerts: nodes(license.alerts).sort((one: Alert, other: Alert) => (one.crossedAt < other.crossedAt ? 1 : -1)),
    };
  }

  /** Ask for new readings; they arrive with the next change. */
  async refresh(): Promise<void> {
    await this.#demand(REFRESH, {});
  }

  /** Ask the vendor for credits. Throws a failure if the request is refused. */
  async requestCredits(input: { license: string; meter: string; amount: number; note: string | null }): Promise<void> {
    const { requestCredits } = await this.#demand(REQUEST_CREDITS, { input });
    const [refused] = requestCredits.errors;
    if (refused) throw { trace: null, ...refused } satisfies Failure;
  }

  async #demand(query: string, variables: Record<string, unknown>): Promise<any> {
    const { data, errors, trace } = await this.ask(query, variables);
    if (errors[0]) throw asFailure(errors[0], trace);
    return data;
  }

  async #freshToken(): Promise<string | null> {
    for (const getToken of [...this.#tokens].reverse()) {
      const token = await getToken();
      if (token) return (this.#token = token);
    }
    return (this.#token = null);
  }

  #open(token?: string): void {
    const url = this.address.replace(/^http/, 'ws');
    this.#isOpen = true;
    this.#fresh = token ? Promise.resolve(token) : null;
    this.#disconnect = subscribe(url, CHANGES, { license: this.license }, {
      payload: async () => {
        const token = (this.#connected = (await this.#fresh) ?? (await this.#freshToken()));
        return token ? { Authorization: `Bearer ${token}` } : {};
      },
      next: (data, [error]) => {
        if (error) return this.#onError(error);
        this.#tries = 0;
        clearTimeout(this.#timer);
        this.#show(data.consumptionChanged, true);
      },
      error: ([error]) => this.#onError(error!),
      closed: (code, opened) => {
        if (code === UNAUTHENTICATED) return void this.#onRefused();
        if (opened && this.state.phase !== 'failed') this.#lose();
        // A proxy that lets no WebSocket through: the figures still come, by HTTP.
        else if (!opened) void this.#pull();
        if (this.state.phase !== 'failed') this.#reopen();
      },
    });
    void this.#hasten();
  }

  /** The first figures come by HTTP while the socket opens, which goes to the server and back more often. */
  async #hasten(): Promise<void> {
    if (this.state.phase !== 'loading' || !this.#tokens.size || this.#fresh) return;
    const connection = this.#disconnect;
    try {
      const token = await (this.#fresh = this.#freshToken());
      if (!token) return;
      const { data, errors } = await request(this.address, token, CONSUMPTION, { license: this.license });
      if (!errors[0] && this.state.phase === 'loading' && this.#disconnect === connection) this.#show(data.consumption, false);
    } catch {
      // What is wrong comes over the socket too.
    }
  }

  #show(overview: Overview, live: boolean): void {
    this.#refused = false;
    this.#set({ ...START, phase: 'ready', overview, live });
  }

  /** Connect again, later with each try, so that a server that comes back is not overrun. */
  #reopen(): void {
    this.#disconnect?.();
    const pause = Math.min(10_000, 500 * 2 ** this.#tries++) * (0.5 + Math.random());
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#isOpen && this.#open(), pause);
  }

  #lose(): void {
    this.#set({ live: false, awaySince: this.state.awaySince ?? new Date() });
  }

  #onError(problem: GraphQLProblem): void {
    const failure = asFailure(problem, null);
    if (failure.code === NO_TOKEN.code) return this.#signOut();
    if (PASSING.has(failure.code)) {
      this.#lose();
      this.#reopen();
    } else this.#set({ ...START, phase: 'failed', failure });
  }

  /** The token of the connection was refused: a new one is asked for once. */
  async #onRefused(): Promise<void> {
    const found = this.#refused ? null : await this.#freshToken();
    if (!found || found === this.#connected) return this.#signOut();
    this.#close();
    this.#open(found);
    this.#refused = true;
  }

  async #pull(): Promise<void> {
    try {
      const { data, errors, trace } = await this.ask(CONSUMPTION, {});
      if (errors[0]) this.#onError({ ...errors[0], extensions: { trace: trace ?? undefined, ...errors[0].extensions } });
      else this.#show(data.consumption, false);
    } catch {
      this.#lose();
    }
  }

  #signOut(): void {
    this.#close();
    this.#set({ ...START, phase: 'signed-out', failure: NO_TOKEN });
  }

  #close(): void {
    this.#isOpen = false;
    clearTimeout(this.#timer);
    this.#disconnect?.();
    this.#disconnect = null;
  }

  #set(change: Partial<State>): void {
    this.state = { ...this.state, ...change };
    for (const listener of this.#listeners) listener();
  }
}

function points(history: any, errors: GraphQLProblem[], path: string, trace: string | null): Point[] | Failure {
  if (history) return history.edges.map((edge: any) => edge.node);
  const problem = errors.find((error) => error.path?.join('.') === path) ?? errors[0];
  return asFailure(problem ?? { message: 'There is no history.' }, trace);
}

const storeKey = (...parts: (string | null)[]) => JSON.stringify(parts);
const stores = new Map<string, Store>();

/** The store of a license; the same one for all elements that show it. */
export function storeOf(address: string, license: string | null): Store {
  const key = storeKey(address, license);
  let store = stores.get(key);
  if (!store) stores.set(key, (store = new Store(address, license)));
  return store;
}

