// A status is shown by sign, word and colour, so that none of them has to be seen alone.

import type { Status } from '../model';
import { tone, type Around } from './context';

const SIGNS: Record<Status, string> = {
  OK: 'M4.6 8.3l2.3 2.3 4.6-5',
  AT_RISK: 'M8 4v4.6M8 11.2v.6',
  EXCEEDED: 'M5.2 5.2l5.6 5.6M10.8 5.2l-5.6 5.6',
  UNKNOWN: 'M6 6.2a2 2 0 1 1 3 1.8c-.7.4-1 .7-1 1.5M8 11.6v.4',
};

export const Sign = ({ status }: { status: Status }) => (
  <svg class={`sign ${tone(status)}`} viewBox="0 0 16 16" aria-hidden="true">
    <circle cx="8" cy="8" r="7.5" />
    <path d={SIGNS[status]} />
  </svg>
);

export function StatusMark({ status }: { status: Status }, { text }: Around) {
  return (
    <span class={`status ${tone(status)}`} part={`status status-${tone(status)}`}>
      <Sign status={status} />
      {text.status[status]}
    </span>
  );
}
