import json
import pytest
Q = """
query Overview {
  consumption(license: "acme") {
    id license { key name timeZone contract { version effectiveFrom startsOn billingPeriod warnings terms { key value } } }
    status updatedAt version
    sections { id key title description status updatedAt nextUpdateAt consumptionSince
      readings { id meter { key } status used limit remaining overage utilization limitBasis
        thresholds { ratio value status crossedAt } period { start end }
        breakdown { dimension key label used limit remaining } measuredAt freshness problem { code message since }
        history { edges { cursor node { at used limit status } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } }
      } } } }
"""
def test_x(operator, acme):
    print(json.dumps(operator.data(Q), indent=1))
    print(json.dumps(operator.data("{license(key:\"acme\"){grants{edges{cursor node{id key meter amount remaining entity grantedAt expiresAt}}}}}"), indent=1))
