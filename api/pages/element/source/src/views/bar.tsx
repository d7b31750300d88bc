// The bar of a reading: what is used of the limit, the thresholds as marks, and what is beyond the limit, hatched.

import type { Reading } from '../model';
import { tone, type Around } from './context';

export function Bar({ reading, label }: { reading: Reading; label: string }, { formats }: Around) {
  const used = Math.max(0, reading.used ?? 0);
  const limit = reading.limit ?? 0;
  const whole = Math.max(used, limit) || 1;
  const share = (value: number) => `${Math.min(100, (100 * value) / whole)}%`;
  return (
    <div
      class={`bar ${tone(reading.status)}`}
      part="bar"
      role="meter"
      aria-label={reading.meter.title}
      aria-valuemin={0}
      aria-valuemax={whole}
      aria-valuenow={used}
      aria-valuetext={label}
    >
      <div class="fill" style={{ width: share(Math.min(used, limit)) }} />
      {used > limit && <div class="beyond" style={{ left: share(limit), width: share(used - limit) }} />}
      {reading.thresholds
        .filter(({ value }) => value > 0 && value < whole)
        .map(({ ratio, value }) => (
          <div class="mark" style={{ left: share(value) }} title={formats.percent(ratio)} />
        ))}
    </div>
  );
}
