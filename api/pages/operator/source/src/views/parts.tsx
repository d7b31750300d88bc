// What every view of the page needs: words, formats, the asked answers, statuses, pages and failures.

import { createContext, type ComponentChildren } from 'preact';
import { useCallback, useContext, useEffect, useRef, useState } from 'preact/hooks';
import type { Formats } from '../../../../element/source/src/format';
import { ask } from '../api';
import { isFailure, PASSING, type Failure, type Meter, type Status } from '../model';
import type { Route } from '../route';
import type { Text } from '../texts';

export interface Surrounding {
  text: Text;
  formats: Formats;
  theme: string;
  route: Route;
  meters: Map<string, Meter>;
  mayAnswer: boolean;
  /** Grows with each change of any license. */
  changes: number;
}

export const Around = createContext<Surrounding>(null!);
export const useAround = () => useContext(Around);

export interface Answer<T> {
  data: T | null;
  failure: Failure | null;
  again: () => void;
}

/** The answer to a question, asked again when the variables change or a license does; the old answer stays meanwhile. */
export function useAnswer<T>(query: string, variables: object): Answer<T> {
  const { formats, changes } = useAround();
  const [answer, setAnswer] = useState<{ data: T | null; failure: Failure | null }>({ data: null, failure: null });
  const [turn, setTurn] = useState(0);
  const key = JSON.stringify(variables);
  const asked = useRef('');
  useEffect(() => {
    let current = true;
    if (asked.current !== key) setAnswer(({ data }) => ({ data: asked.current ? data : null, failure: null }));
    asked.current = key;
    ask<T>(formats.language, query, variables).then(
      (data) => current && setAnswer({ data, failure: null }),
      (error) => current && setAnswer(({ data }) => ({ data, failure: failureOf(error) })),
    );
    return () => {
      current = false;
    };
  }, [query, key, turn, changes, formats]);
  return { ...answer, again: useCallback(() => setTurn((number) => number + 1), []) };
}

export const failureOf = (error: unknown): Failure =>
  isFailure(error) ? error : { code: 'INTERNAL', message: String(error), trace: null };

/** The name of a status in class names. */
export const tone = (status: Status) => ({ OK: 'ok', AT_RISK: 'risk', EXCEEDED: 'over', UNKNOWN: 'unknown' })[status];

const SIGNS: Record<Status, string> = {
  OK: 'M4.6 8.3l2.3 2.3 4.6-5',
  AT_RISK: 'M8 4v4.6M8 11.2v.6',
  EXCEEDED: 'M5.2 5.2l5.6 5.6M10.8 5.2l-5.6 5.6',
  UNKNOWN: 'M6 6.2a2 2 0 1 1 3 1.8c-.7.4-1 .7-1 1.5M8 11.6v.4',
};

/** A status by sign, word and colour, so that none of them has to be seen alone. */
export function StatusMark({ status }: { status: Status }) {
  const { text } = useAround();
  return (
    <span class={`status ${tone(status)}`}>
      <svg class="sign" viewBox="0 0 16 16" aria-hidden="true">
        <circle cx="8" cy="8" r="7.5" />
        <path d={SIGNS[status]} />
      </svg>
      {text.status[status]}
    </span>
  );
}

/** Why something failed, in the reader's words. What the API says of an input is in English, and names the field. */
export function Reason({ failure }: { failure: Failure }) {
  const { text } = useAround();
  const { code, message, trace } = failure;
  const known = text.problems[code] ?? (PASSING.has(code) ? text.busy : null);
  return (
    <>
      <p>
        {known ?? (trace ? text.brokenDown : text.notAccepted)} {!known && !trace && <span lang="en">{message}</span>}
      </p>
      {trace && <p class="quiet">{text.trace(trace)}</p>}
    </>
  );
}

export function Problem({ failure, again }: { failure: Failure; again: () => void }) {
  const { text } = useAround();
  return (
    <div class="card message" role="alert">
      <h2>{text.failed}</h2>
      <Reason failure={failure} />
      <button class="button" onClick={again}>
        {text.again}
      </button>
    </div>
  );
}

/** A link within the page: a click moves without loading it again, and opens another tab as any link does. */
export function Link({ to, class: name, current, children }: { to: Record<string, string | null>; class?: string; current?: boolean; children: ComponentChildren }) {
  const { route } = useAround();
  return (
    <a
      class={name}
      href={route.href(to)}
      aria-current={current ? 'page' : undefined}
      onClick={(event) => {
        if (event.ctrlKey || event.metaKey || event.shiftKey) return;
        event.preventDefault();
        route.go(to, { fresh: true });
        scrollTo(0, 0);
      }}
    >
      {children}
    </a>
  );
}

export const LicenseLink = ({ license }: { license: { key: string; name: string } }) => (
  <Link to={{ license: license.key }}>
    {license.name} <span class="quiet">{license.key}</span>
  </Link>
);

/** The cursors of the pages before this one. The address does not hold them: they mean nothing on another day. */
export function usePages(key: string) {
  const [cursors, setCursors] = useState<{ key: string; before: string[] }>({ key, before: [] });
  const before = cursors.key === key ? cursors.before : [];
  return {
    after: before.at(-1) ?? null,
    isFirst: before.length === 0,
    next: (cursor: string) => setCursors({ key, before: [...before, cursor] }),
    previous: () => setCursors({ key, before: before.slice(0, -1) }),
    first: () => setCursors({ key, before: [] }),
  };
}

export function Pages({ pages, info }: { pages: ReturnType<typeof usePages>; info: { hasNextPage: boolean; endCursor: string | null } }) {
  const { text } = useAround();
  if (pages.isFirst && !info.hasNextPage) return null;
  return (
    <nav class="pages" aria-label={text.pages}>
      <button class="button" disabled={pages.isFirst} onClick={pages.first}>
        {text.first}
      </button>
      <button class="button" disabled={pages.isFirst} onClick={pages.previous}>
        {text.previous}
      </button>
      <button class="button" disabled={!info.hasNextPage} onClick={() => info.endCursor && pages.next(info.endCursor)}>
        {text.next}
      </button>
    </nav>
  );
}

/** A table. On narrow screens each row is a list of its cells, which the roles still tell as a table. */
export function Table({ caption, heads, rows }: { caption: string; heads: string[]; rows: ComponentChildren[][] }) {
  return (
    <div class="scroll" role="region" aria-label={caption} tabIndex={0}>
      <table role="table">
        <thead>
          <tr role="row">
            {heads.map((head) => (
              <th key={head} scope="col" role="columnheader">
                {head}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((cells, number) => (
            <tr key={number} role="row">
              {cells.map((cell, column) => (
                <td key={column} role="cell" data-head={heads[column]}>
                  {cell}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
