"""What ECS refuses, and in which words.

A check returns nothing, or the value that it made out of the parameter, and raises the error that ECS answers with.
"""
