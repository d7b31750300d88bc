// What every view needs beside its own properties, and how views ask the store.
//
// Preact passes the context of its oldest kind as a second argument to each view. Its hooks and its newer context would
// take a twentieth of the size that the whole element may have.
// Lists of views without a state have no keys: Preact matches them by place.

import { Component, type ComponentChildren } from 'preact';
import type { Formats } from '../format';
import { isFailure, type Failure, type Status } from '../model';
import type { Store } from '../store';
import type { Text } from '../texts';

export interface Around {
  formats: Formats;
  /** Undefined while the words are on their way, when nothing but the skeleton is drawn. */
  text: Text;
  store: Store;
  printing: boolean;
}

/** Hands what is around to all views inside. */
export class Within extends Component<{ around: Around; children?: ComponentChildren }> {
  getChildContext() {
    return this.props.around;
  }
  render() {
    return this.props.children;
  }
}

/** A view with a state of its own. */
export abstract class View<Props, State = object> extends Component<Props, State & Record<string, unknown>> {
  declare context: Around;
  #asked: Record<string, unknown> = {};

  /** The answer to a question, asked again when the key changes; the answer before stays meanwhile. */
  answer<T>(name: string, key: unknown, ask: () => Promise<T>): T | Failure | undefined {
    if (this.#asked[name] !== key) {
      this.#asked[name] = key;
      const set = (found: unknown) => this.#asked[name] === key && this.setState({ [name]: found } as never);
      ask().then(set, (error) => set(failureOf(error)));
    }
    return (this.state as Record<string, unknown>)[name] as T | Failure | undefined;
  }
}

export const known = <T,>(answer: T | Failure | undefined): T | null =>
  answer === undefined || isFailure(answer) ? null : answer;

export const failureOf = (error: unknown): Failure =>
  isFailure(error) ? error : { code: 'INTERNAL', message: String(error), trace: null };

/** On paper, lists end after so many lines, and say so. */
const MOST_PRINTED = 8;
export const bounded = <T,>(list: T[], printing: boolean): T[] => (printing ? list.slice(0, MOST_PRINTED) : list);
export const LeftOut = ({ list }: { list: unknown[] }, { formats, text, printing }: Around) =>
  printing && list.length > MOST_PRINTED ? <p class="quiet">{text.leftOut(formats.number(list.length - MOST_PRINTED))}</p> : null;

/** The name of a status in class names. */
export const tone = (status: Status) => ({ OK: 'ok', AT_RISK: 'risk', EXCEEDED: 'over', UNKNOWN: 'unknown' })[status];
