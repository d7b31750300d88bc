// A client that queries Allowance over HTTP, and subscribes to the consumption of a license over WebSocket. All answers
// are typed.

import { createClient } from 'graphql-ws';

import {
  ChangesDocument,
  GrantsDocument,
  OverviewDocument,
  RefreshDocument,
  type ChangesSubscription,
  type GrantsQuery,
  type ShownFragment,
  type TypedDocumentString,
} from './generated.js';

type Errors = readonly { message: string; extensions?: { code?: unknown } }[];

export class AllowanceError extends Error {
  // `code` is a code of docs/front-ends.md; the message is for people.
  constructor(readonly code: string, message: string) {
    super(message);
  }

  static of([first]: Errors): AllowanceError {
    return new AllowanceError(String(first?.extensions?.code ?? 'UNKNOWN'), first?.message ?? 'no answer');
  }
}

export class Allowance {
  readonly #url: string;
  readonly #headers: Record<string, string>;

  constructor(url: string, token: string) {
    this.#url = url;
    this.#headers = { Authorization: `Bearer ${token}` };
  }

  overview(license: string): Promise<ShownFragment | null> {
    return this.#ask(OverviewDocument, { license }).then((data) => data.consumption);
  }

  async grants(license: string): Promise<Grant[]> {
    const found: Grant[] = [];
    let after: string | null = null;
    do {
      const page: GrantsQuery = await this.#ask(GrantsDocument, { license, after });
      found.push(...(page.license?.grants.edges ?? []).map((edge) => edge.node));
      after = page.license?.grants.pageInfo.hasNextPage ? page.license.grants.pageInfo.endCursor : null;
    } while (after !== null);
    return found;
  }

  refresh(license: string): Promise<string> {
    return this.#ask(RefreshDocument, { license }).then((data) => data.refreshConsumption.status);
  }

  // Yields the current consumption, and the new consumption after each change, until the caller leaves the loop. After a
  // lost connection the client connects again and gets the current consumption, so no change is missed. Node.js before
  // version 22 needs the WebSocket of `ws`.
  async *changes(license: string, webSocketImpl?: unknown): AsyncGenerator<ShownFragment> {
    const url = `${this.#url.replace(/^http/, 'ws')}/graphql`;
    const client = createClient({ url, connectionParams: this.#headers, retryAttempts: Infinity, webSocketImpl });
    try {
      const query = ChangesDocument.toString();
      // A server that stops completes the subscription.
      for (;;) {
        for await (const { data, errors } of client.iterate<ChangesSubscription>({
          query,
          variables: { license },
        })) {
          if (errors) throw AllowanceError.of(errors);
          if (data) yield data.consumptionChanged;
        }
      }
    } catch (problem) {
      throw Array.isArray(problem) ? AllowanceError.of(problem as Errors) : problem;
    } finally {
      await client.dispose();
    }
  }

  async #ask<Data, Variables>(document: TypedDocumentString<Data, Variables>, variables: Variables): Promise<Data> {
    const answer = await fetch(`${this.#url}/graphql`, {
      method: 'POST',
      headers: { ...this.#headers, 'Content-Type': 'application/json' },
      body: JSON.stringify({ query: document.toString(), variables }),
    });
    const { data, errors } = (await answer.json()) as { data?: Data; errors?: Errors };
    if (errors || !data) throw AllowanceError.of(errors ?? []);
    return data;
  }
}

export type Grant = NonNullable<GrantsQuery['license']>['grants']['edges'][number]['node'];
