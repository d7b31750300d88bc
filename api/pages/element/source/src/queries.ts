// Every request that the element makes. All of them are open to any front end with the same token.

const OVERVIEW = `
fragment Overview on Consumption {
  version
  status
  updatedAt
  license { key name timeZone state suspended { message } contact { name email url } }
  warnings { enabled halo notices { shownIn { key title url } message since status meter { key title } } }
  sections {
    key title description status updatedAt nextUpdateAt consumptionSince
    readings {
      id state status used limit remaining overage utilization refused limitBasis freshness measuredAt
      meter { key title description unitForms { one other } kind enforcement }
      problem { code message since }
      period { start end }
      thresholds { ratio value status crossedAt }
      breakdown { dimension key label used limit remaining }
    }
  }
}`;

export const CHANGES = `subscription Changes($license: String) {
  consumptionChanged(license: $license) { ...Overview }
}${OVERVIEW}`;

/** The consumption at the end of a day, or now. */
export const CONSUMPTION = `query Consumption($license: String, $at: DateTime) {
  consumption(license: $license, at: $at) { ...Overview }
}${OVERVIEW}`;

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
    periods(last: 24) { start end current }
    grants(first: 50) { edges { node { key meter amount remaining entity grantedAt expiresAt } } }
    creditRequests(first: 10) { edges { node { id amount entity note requestedAt closedAt } } }
    alerts(first: 20) {
      edges { node { id meter { key title unitForms { one other } } ratio limit used status crossedAt foundAt recoveredAt } }
    }
    consumption { installations { period { start end } quota active new returning lost refused skewed } }
  }
}`;

export const VIEWER = `query Viewer { viewer { person { name } can } }`;

export const REFRESH = `mutation Refresh($license: String) {
  refreshConsumption(license: $license) { id status }
}`;

export const REQUEST_CREDITS = `mutation RequestCredits($input: RequestCreditsInput!) {
  requestCredits(input: $input) { request { id } errors { code message path } }
}`;
