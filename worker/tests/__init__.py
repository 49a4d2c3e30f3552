"""Tests of the worker. Their shared assertions explain themselves when they fail, as those in the tests do."""

import pytest

pytest.register_assert_rewrite("worker.tests.canary", "worker.tests.groups", "worker.tests.same_video")
