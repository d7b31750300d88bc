/** The worst status of what an element shows, and how many readings have each. */
export interface AllowanceStatus {
  status: 'OK' | 'AT_RISK' | 'EXCEEDED' | 'UNKNOWN';
  /** True while the account icon is to have its red halo. */
  halo: boolean;
  counts: Record<'OK' | 'AT_RISK' | 'EXCEEDED' | 'UNKNOWN', number>;
  version: number;
  /** The key of the license. */
  license: string;
}

/** Why nothing can be shown. `UNAUTHENTICATED` if there is no valid token. */
export interface AllowanceError {
  code: string;
  message: string;
  trace: string | null;
}

type Token = string | null | undefined;

export class AllowanceConsumption extends HTMLElement {
  /** Asked for a token at each connection. It may be set before or after the element is defined. */
  getToken?: () => Token | Promise<Token>;
  /** Connect again, for example after the person has signed in. */
  reconnect(): void;
}

export class AllowanceNotice extends AllowanceConsumption {}

declare global {
  interface HTMLElementTagNameMap {
    'allowance-consumption': AllowanceConsumption;
    'allowance-notice': AllowanceNotice;
  }
  interface HTMLElementEventMap {
    'allowance-status': CustomEvent<AllowanceStatus>;
    'allowance-error': CustomEvent<AllowanceError>;
  }
}
