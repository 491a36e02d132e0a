# The models of this package have migrations.
