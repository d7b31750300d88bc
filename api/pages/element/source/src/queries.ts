// Every request that the element makes. All of them are open to any front end with the same token.

import { OVERVIEW } from './overview';

export const CHANGES = `subscription Changes($license: String) {
  consumptionChanged(license: $license) ${OVERVIEW}
}`;

export const MONTHS = `query Months($license: String, $at: DateTime) {
  consumption(license: $license, at: $at) {
    sections {
      readings {
        meter { key }
        history(interval: MONTH, last: 12) { edges { node { at used limit status } } }
      }
    }
  }
}`;

export const DAYS = `query Days($reading: ID!) {
  node(id: $reading) {
    ... on Reading { history(interval: DAY, last: 92) { edges { node { at used limit status } } } }
  }
}`;

export const SURROUNDINGS = `query Surroundings($key: String!) {
  license(key: $key) {
    grants(first: 50) { edges { node { amount remaining entity grantedAt expiresAt } } }
    creditRequests(first: 10) { edges { node { amount note requestedAt closedAt declinedBecause } } }
    alerts(first: 20) {
      edges { node { meter { title unitForms { one other format fractionDigits } } ratio limit used status crossedAt recoveredAt } }
    }
  }
}`;

export const VIEWER = `query Viewer { viewer { person { name } can } }`;

export const REFRESH = `mutation Refresh($license: String) {
  refreshConsumption(license: $license) { id }
}`;

export const REQUEST_CREDITS = `mutation RequestCredits($input: RequestCreditsInput!) {
  requestCredits(input: $input) { errors { code message } }
}`;
