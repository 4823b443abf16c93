"""One exchange with one server: whole, in time and of bounded size, or the reason why not.

It takes a `requests` session and a deadline. It gives the body of an answer, or a `Fault`; whoever
asks, says it in a sentence of their own.
"""
