// One GraphQL request over HTTP.

import type { Failure } from './model';

export interface GraphQLProblem {
  message: string;
  path?: (string | number)[];
  extensions?: { code?: string; trace?: string };
}
export interface Answer {
  data: any;
  errors: GraphQLProblem[];
  trace: string | null;
}

/** Send a request. Throws a failure where there is no answer of the API. */
export async function request(
  endpoint: string,
  token: string | null,
  language: string,
  query: string,
  variables: Record<string, unknown>,
): Promise<Answer> {
  let [message, trace]: [string?, string?] = [];
  try {
    const response = await fetch(endpoint, {
      method: 'POST',
      headers: {
        'Content-Type': 'application/json',
        'Accept-Language': language,
        ...(token ? { Authorization: `Bearer ${token}` } : {}),
      },
      body: JSON.stringify({ query, variables }),
    });
    message = `HTTP ${response.status}`; // where a proxy answered instead of the API
    trace = response.headers.get('traceresponse')?.split('-')[1];
    const { data = null, errors = [] } = await response.json();
    return { data, errors, trace: trace ?? null };
  } catch (error) {
    throw { code: 'UNREACHABLE', message: message ?? String(error), trace: trace ?? null } satisfies Failure;
  }
}
