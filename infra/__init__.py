"""How Carillon comes into an AWS account, or into a LocalStack, and out again. Nothing here ships to Lambda.

    make deploy STAGE=…   platform → chalice deploy → mappings, schedules → migrate → alarms, dashboard → smoke test

Every step may be run again. A step that needs what an earlier one made takes it from a `Platform`, so that a machine
without AWS can put something else in its place and run all the steps after it unchanged.
"""
