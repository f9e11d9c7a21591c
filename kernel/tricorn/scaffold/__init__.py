"""Writing distributions: `tricorn new KIND NAME` a plugin, `tricorn bundle NAME` a set of plugins with a command."""
