"""``nn.Classifier`` and ``nn.Regressor``: multi-layer perceptrons with scikit-learn's interface.

They need scikit-learn, which the rest of the package does not: ``pip install "glassgrad[sklearn]"``.
"""

try:
    from nn.estimators.classifier import Classifier
    from nn.estimators.regressor import Regressor
except ImportError as error:
    if (error.name or "").partition(".")[0] != "sklearn":
        raise
    raise ImportError(
        'nn.Classifier and nn.Regressor need scikit-learn 1.6 or above: pip install "glassgrad[sklearn]"',
        name="sklearn",
    ) from error

__all__ = ["Classifier", "Regressor"]
