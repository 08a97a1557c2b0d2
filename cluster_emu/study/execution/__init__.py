"""Many runs on several processes."""
