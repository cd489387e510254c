"""The settings of each stage, taken from a job.

A stage has settings of its own and does not know the job. What runs a command, such as `loader.loading` or
`loader.preview`, calls the functions of this folder and passes the result to the stages.
"""
