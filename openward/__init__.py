"""Openward: the release of open-weight models, governed instead of binary.

Six verbs name every layer: parse, verify, appraise, decide, record, serve.
"""
