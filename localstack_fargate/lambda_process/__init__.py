"""Lambda without Docker: a function runs as a plain process, through AWS's own ``awslambdaric`` client.

``executor``     what LocalStack calls; one per execution environment
``sandbox``      one function process with its Runtime API, used until the process ends
``runtime_api``  the server side of the documented Lambda Runtime API
``process``      starting, watching and ending the process group; its output
``guard``        ends the functions of an emulator that was killed
``environment``  the variables that a function sees
``outcome``      replies, and the errors that the Lambda service itself reports
``report``       the lines that the Lambda service adds to a function's log
"""
