// The billing period that is shown, how far it has gone, and the way to the periods before it.

import type { BillingPeriod } from '../model';
import type { Around } from './context';

interface Props {
  periods: BillingPeriod[];
  /** The place of the shown period in the list; the newest is the last. */
  shown: number;
  onShow: (place: number) => void;
}

export function PeriodBar({ periods, shown, onShow }: Props, { formats, text }: Around) {
  const period = periods[shown];
  if (!period) return null;
  const [start, end] = [Date.parse(period.start), Date.parse(period.end)];
  const gone = Math.min(1, Math.max(0, (Date.now() - start) / (end - start)));
  const days = formats.daysUntil(period.end);
  return (
    <nav class="period" aria-label={text.period}>
      <button class="button" part="button" disabled={shown === 0} onClick={() => onShow(shown - 1)}>
        <span aria-hidden="true">← </span>
        {text.previous}
      </button>
      <p>
        <strong>{text.periodOf(...formats.days(period))}</strong>
        {period.current ? (
          <>
            <progress max={1} value={gone} aria-label={text.period} />
            <span class="quiet">{text.daysLeft(formats.dayCount(days), formats.date(period.end))}</span>
          </>
        ) : (
          <span class="quiet">{text.periodOver}</span>
        )}
      </p>
      {shown < periods.length - 1 && (
        <button class="button" part="button" onClick={() => onShow(shown + 1)}>
          {shown + 1 < periods.length - 1 ? text.next : text.now}
          <span aria-hidden="true"> →</span>
        </button>
      )}
    </nav>
  );
}
