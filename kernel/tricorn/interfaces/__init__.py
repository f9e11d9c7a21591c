"""The kinds of applications that the kernel itself recognises and adapts."""
