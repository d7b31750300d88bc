// The account circle with its red halo while a limit is exceeded.

import type { Overview } from '../model';
import type { Around } from './context';

export function Halo({ overview }: { overview: Overview | null }, { text }: Around) {
  const on = overview?.warnings.halo ?? false;
  const initials = (overview?.license.name ?? '')
    .split(/\s+/)
    .slice(0, 2)
    .map((word) => [...word][0] ?? '')
    .join('')
    .toUpperCase();
  return (
    <span class={`halo ${on ? 'on' : ''}`} part={`halo ${on ? 'halo-on' : ''}`} role="img" aria-label={on ? text.accountExceeded : text.account}>
      <slot name="account">{initials}</slot>
    </span>
  );
}
