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

/** Thrown where there is no answer of the API: `away` if the server could not be reached at all. */
export class RequestFailed extends Error {
  constructor(
    readonly failure: Failure,
    readonly away: boolean,
  ) {
    super(failure.message);
  }
}

export const asFailure = (problem: GraphQLProblem, trace: string | null): Failure => ({
  code: problem.extensions?.code ?? 'INTERNAL',
  message: problem.message,
  trace: problem.extensions?.trace ?? trace,
});

export async function request(
  endpoint: string,
  token: string | null,
  language: string,
  query: string,
  variables: Record<string, unknown>,
): Promise<Answer> {
  let response: Response;
  try {
    response = await fetch(endpoint, {
      method: 'POST',
      headers: {
        'Content-Type': 'application/json',
        Accept: 'application/graphql-response+json, application/json',
        'Accept-Language': language,
        ...(token ? { Authorization: `Bearer ${token}` } : {}),
      },
      body: JSON.stringify({ query, variables }),
    });
  } catch (error) {
    throw new RequestFailed({ code: 'UNREACHABLE', message: String(error), trace: null }, true);
  }
  const trace = response.headers.get('traceresponse')?.split('-')[1] ?? null;
  let body: { data?: any; errors?: GraphQLProblem[] };
  try {
    body = await response.json();
  } catch {
    // A proxy answered instead of the API.
    throw new RequestFailed({ code: 'UNREACHABLE', message: `HTTP ${response.status}`, trace }, true);
  }
  return { data: body.data ?? null, errors: body.errors ?? [], trace };
}
