"""The languages of readers: their negotiation, the translated sentences, and numbers and dates in words."""
