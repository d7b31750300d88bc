// What is shown in place of the figures: while they load, after signing out, and after a failure.

import type { Failure } from '../model';
import type { Around } from './context';
import { explain } from './problem';

/** The height of what is above the cards, and the heights of the cards of each column. */
type Shape = [number, number[][]];
const USUAL: Shape = [160, [[150, 150, 330, 330], [330, 380, 150]]];

/** Remember how high everything is, so that nothing moves when the figures come the next time. */
export const rememberShape = (license: string | null, columns: Element) => {
  const top = columns.getBoundingClientRect().top - columns.parentElement!.getBoundingClientRect().top;
  const heights = [...columns.children].map((column) => [...column.children].map((card) => card.getBoundingClientRect().height));
  try {
    sessionStorage.setItem(`allowance:shape:${license}`, JSON.stringify([top, heights]));
  } catch {
    // A page may forbid storage; the usual shape is then shown.
  }
};

function shapeOf(license: string | null): Shape {
  try {
    return JSON.parse(sessionStorage.getItem(`allowance:shape:${license}`) ?? '') as Shape;
  } catch {
    return USUAL;
  }
}

interface Props {
  license: string | null;
  /** The height above the cards, if it is not that of the whole view. */
  above?: number;
}

export function Loading({ license, above }: Props, { text }: Around) {
  const [top, columns] = shapeOf(license);
  return (
    <div aria-busy="true">
      <p role="status" class="hidden">
        {text?.loading}
      </p>
      <div style={{ height: `${(above ?? top) - 16}px`, overflow: 'hidden' }}>
        {!above && <div class="skeleton title" />}
        <div class="tiles">
          {[0, 1, 2, 3].map(() => (
            <div class="tile skeleton" />
          ))}
        </div>
      </div>
      <div class="columns">
        {columns.map((column) => (
          <div>
            {column.map((height) => (
              <div class="card skeleton" style={{ height: `${height}px` }} />
            ))}
          </div>
        ))}
      </div>
    </div>
  );
}

/** Two columns of about the same height, without changing the order. */
export function splitEvenly<T>(items: T[], size: (item: T) => number): [T[], T[]] {
  const whole = items.reduce((sum, item) => sum + 1 + size(item), 0);
  let [sum, place] = [0, 0];
  for (; place < items.length && sum + (1 + size(items[place]!)) / 2 <= whole / 2; place++) sum += 1 + size(items[place]!);
  return [items.slice(0, place), items.slice(place)];
}

export function SignedOut(_: object, { text }: Around) {
  return (
    <div class="message" part="message" role="alert">
      <h2>{text.signedOutTitle}</h2>
      <p>{text.signedOut}</p>
      <slot name="sign-in" />
    </div>
  );
}

export function Failed({ failure }: { failure: Failure }, { store, text }: Around) {
  return (
    <div class="message" part="message" role="alert">
      <h2>{text.failedTitle}</h2>
      <p>{explain(failure, text)}</p>
      {failure.trace && <p class="quiet">{text.trace(failure.trace)}</p>}
      <button class="button" part="button" onClick={() => store.retry()}>
        {text.again}
      </button>
    </div>
  );
}
