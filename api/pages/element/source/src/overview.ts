// The request for the figures, which is sent first.

/** The fields of the overview. */
export const OVERVIEW = `{
  version
  status
  updatedAt
  license { key name timeZone state periods(last: 24) { start end current } suspended { message } contact { name email url } }
  warnings { halo notices { shownIn { key title url } message since } }
  installations { period { start end } active new returning lost refused skewed }
  sections {
    key title description status updatedAt nextUpdateAt consumptionSince
    readings {
      id state status used limit remaining overage utilization refused limitBasis freshness measuredAt
      meter { key title description unitForms { one other format fractionDigits } kind enforcement events { dimensions { key title } } }
      problem { message }
      period { start end }
      thresholds { ratio value crossedAt }
      breakdown { dimension key label used limit remaining }
    }
  }
}`;

/** The consumption at the end of a day, or now. */
export const CONSUMPTION = `query Consumption($license: String, $at: DateTime) {
  consumption(license: $license, at: $at) ${OVERVIEW}
}`;
