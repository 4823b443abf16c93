"""What past runs would have come to under policies, and what registered models come to today.

Takes policies and a tracking store; gives a `Backtest`, told in four formats, or an `Audit`.
"""
